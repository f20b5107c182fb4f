"""``cloudstate compile`` as people and pipelines use it: exit codes, formats, --check, --diff, and the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cloudstate.cli import main
from cloudstate.cli.command_line import SUBCOMMANDS
from cloudstate.compiler import protoc

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shopping cart, as a project of its own and the working directory."""
    shutil.copytree(SPECS / "shopping-cart", tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def break_spec(shop: Path) -> None:
    spec = shop / "service.yaml"
    spec.write_text(spec.read_text().replace("AddItem:", "AddItm:"))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_spec_is_compiled_and_compiled_again(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "."]) == 0
    assert "compiled shopping-cart to generated/shopping-cart/: " in capsys.readouterr().out
    written = tree(shop / "generated")
    assert {"shopping-cart/service.json", "shopping-cart/service.binpb"} <= written.keys()
    assert main(["compile", "service.yaml"]) == 0
    assert capsys.readouterr().out == "compiled shopping-cart to generated/shopping-cart/: nothing to change\n"
    assert tree(shop / "generated") == written


def test_all_specs_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(SPECS), "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in SPECS.iterdir())


def test_nothing_is_written_if_one_of_the_specs_has_an_error(shop: Path) -> None:
    break_spec(shop)
    assert main(["compile", str(SPECS / "wallet"), ".", "--out", "out"]) == 1
    assert not (shop / "out").exists()


def test_check_fails_while_something_would_change(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", ".", "--check"]) == 1
    assert not (shop / "generated").exists()
    assert main(["compile", "."]) == 0
    assert main(["compile", ".", "--check"]) == 0
    entities = shop / "generated/shopping-cart/shopping_cart_service/entities.py"
    entities.write_text(entities.read_text().replace("add_item", "put_item"))
    capsys.readouterr()
    assert main(["compile", ".", "--check"]) == 1
    printed = capsys.readouterr()
    assert "`generated/shopping-cart/shopping_cart_service/entities.py` is not what the spec says" in printed.err
    assert "\n-    def put_item(\n+    def add_item(\n" in printed.out
    assert "put_item" in entities.read_text()


def test_check_finds_files_that_are_no_longer_generated(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = shop / "service.yaml"
    text = spec.read_text()
    spec.write_text(text + "  deploy: {image: registry.example/cart:1}\n")
    assert main(["compile", "."]) == 0
    spec.write_text(text)
    capsys.readouterr()
    assert main(["compile", ".", "--check"]) == 1
    assert "no longer generated" in capsys.readouterr().err
    assert main(["compile", "."]) == 0
    assert not (shop / "generated/shopping-cart/manifests/workload.yaml").exists()


def test_diff_shows_and_writes_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", ".", "--diff"]) == 0
    assert "+++ b/service.json\n" in capsys.readouterr().out
    assert not (shop / "generated").exists()


def test_every_format_tells_of_an_error(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    break_spec(shop)
    printed = {}
    for name in ("text", "json", "github", "sarif"):
        assert main(["compile", ".", "--format", name]) == 1
        printed[name] = capsys.readouterr()
    assert printed["text"].out == ""
    assert printed["text"].err.startswith("error[CS2004]: unknown command `AddItm`\n  --> service.yaml:")
    assert all(printed[name].err == "" for name in ("json", "github", "sarif"))
    assert json.loads(printed["json"].out)["diagnostics"][0]["name"] == "unknown-command"
    assert printed["github"].out.startswith("::error file=service.yaml,line=")
    assert json.loads(printed["sarif"].out)["runs"][0]["results"][0]["ruleId"] == "CS2004"


def test_machine_formats_are_whole_documents_without_errors_too(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("json", "sarif"):
        assert main(["compile", ".", "--format", name]) == 0
        json.loads(capsys.readouterr().out)


def test_a_proto_with_options_needs_no_yaml(shop: Path) -> None:
    (shop / "service.yaml").unlink()
    proto = shop / "protos/shoppingcart/shoppingcart.proto"
    text = proto.read_text().replace('import "cloudstate', 'import "cloudstate/annotations.proto";\nimport "cloudstate')
    option = '\n  option (cloudstate.entity) = {model: MODEL_VALUE type: "cart" state: "Cart"};'
    proto.write_text(text.replace("service ShoppingCart {", "service ShoppingCart {" + option))
    assert main(["compile", "protos/shoppingcart/shoppingcart.proto", "--name", "carts"]) == 0
    service = json.loads((shop / "generated/carts/service.json").read_text())
    assert [entity["type"] for entity in service["entities"]] == ["cart"]


def test_without_protoc_the_machine_is_to_blame(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: object) -> None:
        raise protoc.ProtocMissing("the package grpcio-tools is not installed")

    monkeypatch.setattr(protoc, "run", missing)
    assert main(["compile", "."]) == 3
    assert "install the package grpcio-tools" in capsys.readouterr().err


def test_warnings_can_be_ignored_or_counted_as_errors(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "protos" / "unused.proto").write_text('syntax = "proto3";\npackage unused;\nmessage Unused {}\n')
    spec = shop / "service.yaml"
    spec.write_text(spec.read_text().replace("protos:\n", "protos:\n    - unused.proto\n"))
    assert main(["compile", ".", "--strict"]) == 1
    assert "warning[CS2007]" in capsys.readouterr().err
    assert not (shop / "generated").exists()
    assert main(["compile", ".", "--strict", "--ignore", "unused-proto"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert main(["compile", "."]) == 0
    assert "warning[CS2007]" in capsys.readouterr().err
    assert main(["check", ".", "--ignore", "CS6003"]) == 0
    assert main(["check", ".", "--ignore", "CS6003", "--strict"]) == 1
    assert main(["check", ".", "--ignore", "CS6003", "--strict", "--ignore", "CS2007"]) == 0


@pytest.mark.parametrize("code", ["CS2004", "unknown-command", "nothing"])
def test_errors_cannot_be_ignored(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["compile", ".", "--ignore", code])
    assert left.value.code == 2
    assert f"`{code}` is " in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["compile"], ["nothing"], ["compile", ".", "--format", "html"]])
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert "usage: cloudstate" in capsys.readouterr().err


def test_an_internal_error_can_be_looked_into(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("cloudstate.compiler.driver.compile_inputs", fail)
    assert main(["compile", "."]) == 70
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "compile", "."])


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "cs2004"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("# CS2004 unknown-command\n")
    assert main(["explain", "unknown-command"]) == 0
    assert capsys.readouterr().out == page
    assert main(["explain", "unknown-comand"]) == 2
    assert "did you mean `unknown-command`?" in capsys.readouterr().err
    assert main(["explain"]) == 0
    assert "CS2004  error    unknown-command\n" in capsys.readouterr().out


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "CloudState spec"


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_subcommands_say_what_they_are_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = __import__(f"cloudstate.cli.{name}", fromlist=["HELP"])
    assert SUBCOMMANDS[name] == module.HELP
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: cloudstate {name} ")


def test_help_and_version_import_neither_half() -> None:
    script = (
        "import sys\n"
        "from cloudstate.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith(('cloudstate.compiler', 'cloudstate.runtime'))])\n"
    )
    for argument in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", script, argument], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"


def test_the_same_bytes_come_out_everywhere(tmp_path: Path) -> None:
    """Whatever the order of hashing, the working directory, the locale, and the order of what is given."""
    command = [sys.executable, "-c", "import sys; from cloudstate.cli import main; sys.exit(main())", "compile"]
    specs = [str(SPECS / name) for name in ("converter", "wallet", "shopping-cart")]
    trees = []
    for number, (seed, locale, folder, order) in enumerate(
        [("0", "C", "/", specs), ("4711", "tr_TR.UTF-8", str(SPECS), specs[::-1])]
    ):
        out = tmp_path / str(number)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "LANG": locale, "TZ": f"UTC{number}"}
        subprocess.run([*command, *order, "--out", str(out)], cwd=folder, env=environment, check=True)
        trees.append(tree(out))
    assert trees[0] == trees[1]
    assert trees[0]
