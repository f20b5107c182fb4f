"""What is left out of a compile: never anything that would come out in another way."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from tests.unit.compiler.projects import CART, PROTO, spec_text, write_files

from cloudstate.cli import main
from cloudstate.compiler import driver
from cloudstate.compiler.diagnostics import Sink
from cloudstate.compiler.incremental import compile_changed, identity, keep_records, record, run, shelf
from cloudstate.compiler.incremental.evidence import read_files
from cloudstate.compiler.inputs import Input, find_inputs

EVENTS = 'syntax = "proto3";\npackage shop;\nmessage Paid {}\n'
SPECS = {
    "one": {
        "service.yaml": spec_text().replace("{name: shop}", "{name: one}"),
        "protos/shop.proto": PROTO.replace("package", 'import "events.proto";\npackage', 1),
        "protos/events.proto": EVENTS,
    },
    "two": {"service.yaml": spec_text().replace("{name: shop}", "{name: two}"), "shop.proto": PROTO, "cart.py": ""},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two services, which are compiled and have one warning each."""
    (tmp_path / "pyproject.toml").write_text("")
    for name, files in SPECS.items():
        write_files(tmp_path / "specs" / name, files)
    monkeypatch.chdir(tmp_path)
    assert main(["compile", "specs"]) == 0
    return tmp_path


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The specs that are compiled from now on."""
    seen: list[str] = []
    real = driver.compile_inputs

    def spy(inputs: Sequence[Input], out: Path | None, sink: Sink) -> object:
        seen.extend(given.path.parent.name for given in inputs)
        return real(inputs, out, sink)

    monkeypatch.setattr(driver, "compile_inputs", spy)
    return seen


def tree(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".cloudstate" not in path.parts
    }


def said(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], str]:
    """Run the command; the exit code, what it compiled, and its findings."""
    code = main(["compile", *argv])
    out, err = capfd.readouterr()
    return code, [line.partition(":")[0] for line in out.splitlines()], err


def more(path: str, text: str) -> Callable[[Path], object]:
    """A change: a file gets more text, or comes into being."""

    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("a") as file:
            file.write(text)

    return change


def replaced(path: str, old: str, new: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return change


def moved(path: str, target: str) -> Callable[[Path], object]:
    return lambda root: (root / path).rename(root / target)


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "nothing": (lambda root: None, []),
    "a proto": (more("specs/one/protos/shop.proto", "message More {}"), ["one"]),
    "a comment in a proto": (more("specs/two/shop.proto", "// Nothing."), ["two"]),
    "an imported proto": (more("specs/one/protos/events.proto", "message More {}"), ["one"]),
    "a spec": (more("specs/two/service.yaml", "  shards: 16\n"), ["two"]),
    "a spec's name": (replaced("specs/two/service.yaml", "name: two", "name: three"), ["two"]),
    "the author's module": (more("specs/two/cart.py", "class Cart:\n    pass\n"), ["two"]),
    "a first module": (more("specs/one/cart.py", "class Cart:\n    pass\n"), ["one"]),
    "a module as a package": (more("specs/one/cart/__init__.py", "class Cart:\n    pass\n"), ["one"]),
    "no module any more": (lambda root: (root / "specs/two/cart.py").unlink(), ["two"]),
    "a module that hides another": (more("specs/two/shop_pb2.py", ""), ["two"]),
    "a folder of protos": (more("specs/two/protos/other.proto", EVENTS), ["two"]),
    "another proto": (more("specs/one/protos/other.proto", EVENTS), []),
    "a generated file": (more("generated/one/shop_pb2.py", "# Mine."), ["one"]),
    "a manifest that is gone": (lambda root: (root / "generated/two/manifests/service.yaml").unlink(), ["two"]),
    "the list of files": (more("generated/two/.cloudstate-files", "old.txt\n"), ["two"]),
    "a file of somebody else": (more("generated/two/notes.txt", "Mine."), []),
    "nothing generated any more": (moved("generated", "elsewhere"), ["one", "two"]),
    "a folder that a dead run left": (more("generated/.one.old/x", ""), ["one"]),
    "another root of the project": (more("specs/one/pyproject.toml", ""), ["one"]),
    "a mistake": (more("specs/one/service.yaml", "  shard: 16\n"), ["one"]),
    "a name that is taken": (replaced("specs/two/service.yaml", "name: two", "name: one"), ["two", "one", "two"]),
    "a service less": (moved("specs/one", "one"), []),
    "a service more": (lambda root: write_files(root / "specs/three", SPECS["one"]), ["three", "one", "three", "two"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_comes_out_as_if_all_was_compiled(
    change: str, project: Path, compiled: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    edit, expected = CHANGES[change]
    edit(project)
    capfd.readouterr()
    with_records = said(capfd, "specs")
    assert compiled == expected
    after = tree(project)
    assert said(capfd, "--no-cache", "specs") == with_records
    assert tree(project) == after
    if with_records[0] == 0:
        assert main(["compile", "--check", "specs"]) == 0
        del compiled[:]
        assert said(capfd, "specs")[0] == 0
        assert compiled == [], "the next run has a record of everything"


@pytest.mark.parametrize("out", [".", "other", "../other", "../inner/other"])
def test_another_place_for_the_output(
    out: str, project: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "inner").mkdir()
    monkeypatch.chdir(project / "inner")
    words = ("--out", out, "../specs")
    said(capfd, *words)
    assert compiled == ["one", "two"]
    with_records = said(capfd, *words)
    assert compiled == ["one", "two"]
    assert said(capfd, "--no-cache", *words) == with_records
    said(capfd, "../specs")
    assert compiled[4:] == ["one", "two"], "it goes elsewhere again"


def damages() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    yield "empty", lambda content: b""
    yield "cut", lambda content: content[:-7]
    yield "garbage", lambda content: bytes(range(256))
    yield "one bit", lambda content: content[:99] + bytes([content[99] ^ 1]) + content[100:]
    yield "no object", lambda content: _sealed([])
    yield "no keys", lambda content: _sealed({})
    body: Callable[[bytes], dict[str, object]] = lambda content: json.loads(content.partition(b"\n")[2])  # noqa: E731
    yield "wrong types", lambda content: _sealed({**body(content), "read": 3})
    yield "an unknown finding", lambda content: _sealed({**body(content), "findings": [["CS0", "", [], [], [], []]]})
    yield "of a folder elsewhere", lambda content: _sealed({**body(content), "folder": "/elsewhere"})
    yield "of another spec", lambda content: _sealed({**body(content), "given": ["specs/x/service.yaml", None, None]})


def _sealed(body: object) -> bytes:
    import hashlib

    text = json.dumps(body).encode()
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


@pytest.mark.parametrize("damage", [name for name, _ in damages()])
def test_a_damaged_record_costs_a_compile_and_nothing_else(
    damage: str, project: Path, compiled: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    files = [file for file in (project / ".cloudstate/compiled").iterdir() if file.name != ".gitignore"]
    assert len(files) == len(SPECS)
    for file in files:
        file.write_bytes(dict(damages())[damage](file.read_bytes()))
    before = tree(project)
    capfd.readouterr()
    with_records = said(capfd, "specs")
    assert compiled == ["one", "two"]
    assert tree(project) == before
    assert said(capfd, "--no-cache", "specs") == with_records


def test_another_compiler_compiles_anew(project: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "identity", lambda: "another")
    assert main(["compile", "specs"]) == 0
    assert compiled == ["one", "two"]
    assert main(["compile", "specs"]) == 0
    assert compiled == ["one", "two"]


def test_a_compiler_is_known_by_its_code_and_by_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh: Callable[[], str] = identity.identity.__wrapped__
    first = fresh()
    assert fresh() == first
    with monkeypatch.context() as patch:
        patch.setattr(identity, "installed", lambda: (tmp_path / "protobuf-1.0.dist-info",))
        assert fresh() != first
    (tmp_path / "driver.py").write_text("changed")
    with monkeypatch.context() as patch:
        patch.setattr(identity, "_files", lambda: iter([("driver.py", str(tmp_path / "driver.py"))]))
        other = fresh()
        (tmp_path / "driver.py").write_text("changed again")
        assert len({first, other, fresh()}) == 3
    names = [name for name, _ in identity._files()]
    assert {"driver.py", "entity_key.proto", "backends/python/templates/module.py.j2"} <= set(names)
    assert "frontend/spec.schema.json" in names


def test_checks_and_fixes_rest_on_no_record(project: Path, compiled: list[str]) -> None:
    for option in ("--check", "--diff", "--fix", "--no-cache"):
        del compiled[:]
        assert main(["compile", option, "specs"]) == 0
        assert compiled == ["one", "two"], option


def test_no_record_is_kept_with_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, SPECS["two"])
    monkeypatch.chdir(tmp_path)
    assert main(["compile", "--no-cache", "."]) == 0
    assert not (tmp_path / ".cloudstate").exists()


@pytest.mark.parametrize("file", ["specs/one/protos/events.proto", "specs/one/service.yaml", "specs/one/cart.py"])
def test_what_changes_while_it_is_read_is_not_recorded(project: Path, compiled: list[str], file: str) -> None:
    more("specs/one/protos/shop.proto", "message More {}")(project)
    result = compile_changed(["specs"])
    assert driver.write_all(result.compiled) == ()
    more(file, "\n")(project)
    keep_records(result)
    assert compiled == ["one"]
    assert main(["compile", "specs"]) == 0
    assert compiled == ["one", "one"]


def test_records_that_cannot_be_kept_are_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {**SPECS["two"], ".cloudstate": "in the way"})
    monkeypatch.chdir(tmp_path)
    assert main(["compile", "."]) == 0
    assert main(["compile", "."]) == 0
    assert (tmp_path / ".cloudstate").read_text() == "in the way"


def test_nothing_is_kept_of_a_run_with_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {**SPECS["two"], "service.yaml": spec_text(CART.replace("shop.Items", "shop.Itens"))})
    monkeypatch.chdir(tmp_path)
    assert main(["compile", "."]) == 1
    assert not (tmp_path / ".cloudstate").exists()


def test_git_sees_nothing_of_it(project: Path) -> None:
    assert (project / ".cloudstate/compiled/.gitignore").read_text().splitlines()[-1] == "*"


def test_a_record_is_read_as_it_was_written(project: Path) -> None:
    inputs, _ = find_inputs(["specs"])
    for given in inputs:
        found = shelf.find(given, project)
        assert found is not None
        assert found.findings
        assert record.parse(record.render(found)) == found


_opened: list[str] | None = None


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


sys.addaudithook(_listen)


def test_every_file_that_is_read_is_in_the_record(project: Path) -> None:
    global _opened
    more("specs/one/cart.py", "class Cart:\n    pass\n")(project)
    inputs, _ = find_inputs(["specs"])
    _opened = []
    try:
        services, _ = driver.compile_inputs(inputs, None, Sink())
    finally:
        opened, _opened = _opened, None
    folders = [given.folder()[0] for given in inputs]
    expected = {str(folder / path) for folder, one in zip(folders, services, strict=True) for path in read_files(one)}
    inside = {os.path.abspath(file) for file in opened if Path(os.path.abspath(file)).is_relative_to(project / "specs")}
    assert inside
    assert inside - set(expected) == set()
