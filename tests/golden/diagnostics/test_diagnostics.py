"""Every finding of the compiler, as people see it: each case is a folder with a spec that has one mistake.

A case is named after its code, or ``name--variant``. ``arguments`` in its folder replaces the default command line; its
command is ``compile`` if it names none. ``cart.py.txt`` becomes ``cart.py``, which no tool of ours should take for a
module.
Refresh with ``make golden``, and read what has changed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from cloudstate.cli import main
from cloudstate.cli.command_line import SUBCOMMANDS
from cloudstate.compiler import driver
from cloudstate.compiler.diagnostics import Code, codes, pages
from cloudstate.compiler.lock import messages

CASES = sorted(path.name for path in (Path(__file__).parent / "cases").iterdir())
SOURCES = Path(codes.__file__).parents[4]


class TextFile(SingleFileSnapshotExtension):
    """One text file per case."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def touch_generated_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile, then change a generated file by hand."""
    assert main(["compile", "service.yaml"]) == 0
    calls = Path("generated/shop/shop_service/calls.py")
    calls.write_text(calls.read_text() + "\n# changed by hand\n")


def compile_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile: the case needs generated code."""
    assert main(["compile", "service.yaml"]) == 0


def break_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a phase of the compiler fail in a way that nobody has thought of."""

    def lower(spec: object) -> object:
        raise ZeroDivisionError("nobody has thought of this")

    monkeypatch.setattr(driver, "lower", lower)


def overlook_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a rule of the lock miss what it is there for: recorded samples still show it."""
    monkeypatch.setattr(messages, "keeps_values", lambda old, new: True)


PREPARE: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "stale-output": touch_generated_code,
    "internal-error": break_the_compiler,
    "sample-misread": overlook_types,
    "upcaster-failed": compile_it,
}


@pytest.mark.parametrize("case", CASES)
def test_finding(
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    snapshot: SnapshotAssertion,
) -> None:
    folder = tmp_path / "case"
    shutil.copytree(Path(__file__).parent / "cases" / case, folder)
    for module in folder.rglob("*.py.txt"):
        module.rename(module.with_suffix(""))
    monkeypatch.chdir(folder)
    if case in PREPARE:
        PREPARE[case](monkeypatch)
        capsys.readouterr()
    before = files_in(folder)
    code = main(command_line())
    printed = capsys.readouterr()
    text = f"exit code {code}\n\n{printed.err}{printed.out}"
    text = re.sub(r"note: in .*", "note: in ...", text)  # a line of the program and versions
    assert f"[{code_of(case).id}]" in text if case != "many-at-once" else text.count("error[") > 5
    findings = re.split(r"\n\n(?=(?:error|warning|note|bug)\[)", text)[1:]
    assert [finding for finding in findings if not finding.startswith("note") and "help: " not in finding] == []
    if "error[" in text or "bug[" in text:
        assert code != 0
        assert files_in(folder) == before, "nothing is written when there is an error"
    else:
        assert code == 0
    assert text == snapshot(extension_class=TextFile)


def test_there_are_120_kinds_of_findings() -> None:
    assert len(codes.CATALOGUE) >= 120


def test_every_code_has_a_failing_case() -> None:
    assert {code.name for code in codes.CATALOGUE.values()} <= set(CASES)


@pytest.mark.parametrize("code", codes.CATALOGUE.values(), ids=lambda code: code.id)
def test_every_code_is_explained(code: Code) -> None:
    page = pages.page(code)
    assert page.startswith(f"# {code.id} {code.name}\n")
    for heading in ("What it means", "Why it is bad", "Wrong", "Right"):
        assert f"\n## {heading}\n" in page


def test_every_code_is_used() -> None:
    names = {name for name, value in vars(codes).items() if isinstance(value, Code)}
    texts = [path.read_text() for path in SOURCES.rglob("*.py") if path.name != "codes.py"]
    texts += [path.read_text() for path in (SOURCES.parent / "cli").rglob("*.py")]
    assert {name for name in names if not any(f"codes.{name}" in text for text in texts)} == set()


def test_the_catalogue_is_in_order() -> None:
    ids = list(codes.CATALOGUE)
    assert ids == sorted(ids)
    assert len({code.name for code in codes.CATALOGUE.values()}) == len(ids)


def command_line() -> list[str]:
    """The words of the case in the working directory."""
    arguments = Path("arguments")
    words = arguments.read_text().split() if arguments.exists() else ["service.yaml"]
    return words if words[0] in SUBCOMMANDS else ["compile", *words]


def code_of(case: str) -> Code:
    code = codes.find(case.partition("--")[0])
    assert code is not None
    return code


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
