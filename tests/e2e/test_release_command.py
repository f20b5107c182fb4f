"""``cloudstate release`` and ``cloudstate check`` as people and pipelines use them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cloudstate.cli import main

SPECS = Path(__file__).parents[2] / "specs"
DOMAIN = Path("protos/shoppingcart/persistence/domain.proto")
ADDED = "com.example.shoppingcart.persistence.ItemAdded"
ACCEPT = ["--reason", "no data yet", "--author", "A. Shopkeeper", "--until", "2027-01-31", "--today", "2026-11-25"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shopping cart, as a project of its own and the working directory."""
    ignore = shutil.ignore_patterns("schema.lock", ".*", "__pycache__")
    shutil.copytree(SPECS / "shopping-cart", tmp_path / "shop", ignore=ignore)
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def git(*arguments: str) -> None:
    identity = {"GIT_AUTHOR_NAME": "A. Shopkeeper", "GIT_AUTHOR_EMAIL": "shop@example.org"}
    identity |= {"GIT_COMMITTER_NAME": "A. Shopkeeper", "GIT_COMMITTER_EMAIL": "shop@example.org"}
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], check=True, capture_output=True, env=environment)


def test_a_release_is_recorded_and_checked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", ".", "--version", "1.0"]) == 0
    assert capsys.readouterr().out == "shopping-cart: recorded as version 1.0, schema.lock written\n"
    written = (shop / "schema.lock").read_bytes()
    assert main(["release", "service.yaml"]) == 0
    assert capsys.readouterr().out == "shopping-cart: nothing is new since version 1.0, schema.lock as it was\n"
    assert (shop / "schema.lock").read_bytes() == written
    assert main(["check", "."]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("shopping-cart: reads what 1 recorded version may have stored\n", "")


def test_what_breaks_is_exit_code_4(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "."]) == 0
    edit(DOMAIN, "int32 quantity = 3", "string quantity = 3")
    written = (shop / "schema.lock").read_bytes()
    assert main(["check", "."]) == 4
    printed = capsys.readouterr()
    assert "error[CS6103]: the stored field `com.example.shoppingcart.persistence.LineItem.quantity`" in printed.err
    assert f"--> {DOMAIN}:10:10" in printed.err
    assert printed.out.endswith("shopping-cart: 1 x data loss, against 1 recorded version\n")
    assert main(["release", "."]) == 4
    assert (shop / "schema.lock").read_bytes() == written


def test_compile_checks_the_lock_too(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "."]) == 0
    assert main(["compile", "."]) == 0
    assert main(["compile", ".", "--check"]) == 0
    edit(DOMAIN, "int32 quantity = 3", "string quantity = 3")
    assert main(["compile", "."]) == 0, "only --check looks at what was released"
    capsys.readouterr()
    assert main(["compile", ".", "--check"]) == 4
    assert "error[CS6103]" in capsys.readouterr().err
    (shop / "schema.lock").write_text("format: cloudstate.io/lock/v9\n")
    assert main(["compile", ".", "--check"]) == 1
    assert "error[CS6002]" in capsys.readouterr().err
    (shop / "schema.lock").unlink()
    assert main(["compile", ".", "--check"]) == 0


def test_a_break_is_accepted_for_a_time(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "."]) == 0
    edit(Path("service.yaml"), "  placement", "  shards: 16\n  placement")
    assert main(["release", ".", "--accept", "shards-changed", *ACCEPT]) == 0
    assert "until: '2027-01-31'" in (shop / "schema.lock").read_text()
    assert main(["check", ".", "--today", "2027-01-31"]) == 0
    capsys.readouterr()
    assert main(["check", ".", "--today", "2027-02-01"]) == 4
    assert "accepted until 2027-01-31, and no longer" in capsys.readouterr().err
    assert main(["release", ".", "--forget", "1", "--today", "2027-02-01"]) == 0
    capsys.readouterr()
    assert main(["check", ".", "--today", "2027-02-01"]) == 0
    assert "acceptance-unused" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--accept", "CS6212"], "`--accept` needs `--reason` and `--until`"),
        (
            ["--accept", "shard-changed", *ACCEPT],
            "unknown code `shard-changed`\n  help: did you mean `shards-changed`?",
        ),
        (["--reason", "x"], "`--reason` is for `--accept`"),
        (["--accept", "CS6101", *ACCEPT], "there is no CS6101 to accept"),
        (["--accept", "CS6101:a.b", *ACCEPT], "there is no CS6101 for a.b to accept"),
        (["--accept", "CS6101", *ACCEPT[:-1], "2027-02-01"], "`--until 2027-01-31` is over"),
        (["--forget", "7"], "there is no version `7` to forget in schema.lock"),
    ],
)
def test_arguments_that_do_not_fit(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert main(["release", "."]) == 0
    written = (shop / "schema.lock").read_bytes()
    capsys.readouterr()
    assert main(["release", ".", *arguments]) == 2
    assert capsys.readouterr().err == f"error: {expected}\n"
    assert (shop / "schema.lock").read_bytes() == written


def test_against_a_revision_with_a_lock_file(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("init", "-q")
    assert main(["release", "."]) == 0
    git("add", ".")
    git("commit", "-qm", "one")
    edit(DOMAIN, "int32 quantity = 3", "string quantity = 3")
    (shop / "schema.lock").unlink()
    assert main(["check", "."]) == 0, "who drops the lock file forgets everything"
    assert main(["check", ".", "--against", "HEAD"]) == 4
    assert main(["release", "."]) == 0
    assert main(["check", ".", "--against", "HEAD"]) == 4
    git("checkout", "-q", "schema.lock")
    assert main(["release", ".", "--accept", "CS6103", *ACCEPT]) == 0
    capsys.readouterr()
    assert main(["check", ".", "--against", "HEAD", "--today", "2026-11-25"]) == 0, (
        "the spec's own lock file accepts it"
    )
    assert "note[CS6005]" in capsys.readouterr().err


def test_against_a_revision_without_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    assert main(["check", ".", "--against", "HEAD"]) == 0
    edit(DOMAIN, "int32 quantity = 3", "string quantity = 3")
    capsys.readouterr()
    assert main(["check", ".", "--against", "HEAD"]) == 4
    assert "note: recorded in HEAD: `int32 quantity = 3`" in capsys.readouterr().err
    git("rm", "-q", "-r", "--cached", "protos", "service.yaml")
    git("commit", "-qm", "no spec")
    assert main(["check", ".", "--against", "HEAD"]) == 0
    assert "warning[CS6003]" in capsys.readouterr().err
    for wrong in ("main~7", "--help-me", "no/such/file"):
        assert main(["check", ".", f"--against={wrong}"]) == 2
        assert capsys.readouterr().err == f"error: `{wrong}` is neither a file nor a git revision\n"


def test_against_files(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "."]) == 0
    shutil.copytree(shop, tmp_path / "other")
    edit(DOMAIN, "int32 quantity = 3", "string quantity = 3")
    for file in ("schema.lock", "service.yaml", ""):
        capsys.readouterr()
        assert main(["check", ".", "--against", str(tmp_path / "other" / file)]) == 4
        assert "recorded in" in capsys.readouterr().err


def test_no_repository(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(shop.parent))
    assert main(["check", ".", "--against", "main"]) == 2
    assert capsys.readouterr().err == f"error: `{shop}` is in no git repository\n"


def test_specs_are_released_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ignore = shutil.ignore_patterns("schema.lock", ".*", "__pycache__")
    shutil.copytree(SPECS, tmp_path / "specs", ignore=ignore)
    monkeypatch.chdir(tmp_path)
    assert main(["release", "specs", "--version", "1.0"]) == 0
    locks = sorted(Path("specs").glob("*/schema.lock"))
    assert len(locks) == len(list(Path("specs").iterdir()))
    before = [lock.read_bytes() for lock in locks]
    edit(Path("specs/wallet/service.yaml"), "type: wallet", "type: purse")
    edit("specs/shopping-cart" / DOMAIN, "string name = 2;", "string name = 2;\n  string brand = 4;")
    assert main(["release", "specs"]) == 4
    assert [lock.read_bytes() for lock in locks] == before


def test_a_spec_of_another_name_has_its_own_lock_file(shop: Path) -> None:
    (shop / "service.yaml").rename(shop / "cart.yaml")
    assert main(["release", "cart.yaml"]) == 0
    assert (shop / "cart.schema.lock").exists()
    assert not (shop / "schema.lock").exists()


def test_every_format_is_a_whole_document(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "."]) == 0
    edit(DOMAIN, "int32 quantity = 3", "string quantity = 3")
    for name in ("json", "sarif"):
        capsys.readouterr()
        assert main(["check", ".", "--format", name]) == 4
        printed = capsys.readouterr()
        assert printed.err == ""
        assert "CS6103" in json.dumps(json.loads(printed.out))


def test_the_same_bytes_in_every_process(shop: Path) -> None:
    texts = set()
    for seed in ("0", "1", "4711"):
        (shop / "schema.lock").unlink(missing_ok=True)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "cloudstate.cli", "release", ".", "--version", "1"]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        texts.add((shop / "schema.lock").read_bytes())
    assert len(texts) == 1


def test_the_lock_file_cannot_be_written(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "schema.lock").mkdir()
    assert main(["release", "."]) == 1
    assert "error[CS0002]: cannot read `schema.lock`: it is a folder" in capsys.readouterr().err
