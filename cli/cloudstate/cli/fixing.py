"""``--fix``: suggested edits are applied to the files, checked, and taken back where they do not help."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic
    from cloudstate.compiler.incremental import Result
    from cloudstate.compiler.source import Source

_ROUNDS = 10
_BOM = b"\xef\xbb\xbf"
#: The first digits of codes that say that a file could not be read as what it is.
_BROKEN = ("CS0", "CS1")


def fix(outcome: Result, again: Callable[[], Result]) -> Result:
    """Apply the suggested edits of a run, and of what comes to light then, as long as they help.

    Args:
        outcome: the run.
        again: runs once more, on the files as they then are.

    Returns:
        The last run: what it finds is what is left.

    Raises:
        OSError: a file cannot be written; all files are as they were before its round.
    """
    for _ in range(_ROUNDS):
        better = _round(outcome, again)
        if better is None:
            return outcome
        outcome = better
    return outcome


def _round(outcome: Result, again: Callable[[], Result]) -> Result | None:
    """All edits at once, or else the first finding whose edits help. None if nothing does."""
    mendable = [found for found in outcome.diagnostics if found.edits]
    tries = [mendable, *([found] for found in mendable if len(mendable) > 1)] if mendable else []
    return next((better for some in tries if (better := _attempt(some, outcome, again)) is not None), None)


def _attempt(some: Sequence[Diagnostic], before: Result, again: Callable[[], Result]) -> Result | None:
    from cloudstate.compiler.diagnostics.fix import plan

    fixes = plan(some)
    old = {Path(source.name): content for source in fixes.texts if (content := _content(source)) is not None}
    if len(old) != len(fixes.texts):
        return None
    new = {Path(source.name): _encoded(text, old[Path(source.name)]) for source, text in fixes.texts.items()}
    helps = False
    try:
        _replace(new)
        after = again()
        helps = _helps(fixes.applied, before, after)
    finally:
        if not helps:
            _replace(old)
    if not helps:
        return None
    _show(fixes.applied, fixes.texts)
    return after


def _helps(applied: Sequence[Diagnostic], before: Result, after: Result) -> bool:
    """Whether what was to be mended is gone, and the files can be read as well as before."""
    left = {(found.code.id, found.message) for found in after.diagnostics}
    mended = not any((found.code.id, found.message) in left for found in applied)
    return mended and _broken(after) <= _broken(before)


def _broken(outcome: Result) -> int:
    return sum(found.code.id.startswith(_BROKEN) for found in outcome.diagnostics)


def _content(source: Source) -> bytes | None:
    """The bytes of a source's file; None if they are not what was read: somebody else is writing it."""
    try:
        content = Path(source.name).read_bytes()
        return content if content.decode("utf-8-sig") == source.text else None
    except (OSError, UnicodeDecodeError):
        return None


def _encoded(text: str, old: bytes) -> bytes:
    return (_BOM if old.startswith(_BOM) else b"") + text.encode()


def _replace(contents: Mapping[Path, bytes]) -> None:
    """Each file is replaced as a whole; nothing is, unless all could be written beside their places."""
    beside = {path: path.with_name(f".{path.name}.fix-{os.getpid()}") for path in contents}
    try:
        for path, new in beside.items():
            new.write_bytes(contents[path])
            shutil.copymode(path, new)
        for path, new in beside.items():
            new.replace(path)
    finally:
        for new in beside.values():
            new.unlink(missing_ok=True)


def _show(applied: Sequence[Diagnostic], texts: Mapping[Source, str]) -> None:
    """What was mended, on stderr: stdout may be a format that tools read."""
    for found in applied:
        line, column = found.span.source.position(found.span.start)
        print(f"fixed {found.code.id} at {found.span.source.name}:{line}:{column}: {found.message}", file=sys.stderr)
    for source, text in texts.items():
        old, new = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
        sys.stderr.writelines(
            line if line.endswith("\n") else f"{line}\n"
            for line in unified_diff(old, new, source.name, source.name, n=1)
        )
