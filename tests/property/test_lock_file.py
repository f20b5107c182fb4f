"""A lock file that somebody has edited: whatever was done to it, it is refused, or says nothing else than before."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.compiler.recorded import PROTO, lock_of, today

from cloudstate.compiler.lock import Lock, parse_lock, render_lock
from cloudstate.compiler.source import Source


@cache
def original() -> Lock:
    with TemporaryDirectory() as folder:
        older = today(Path(folder) / "old")
        newer = today(Path(folder) / "new", PROTO.replace("int32 quantity = 2", "repeated string tags = 2"))
        return lock_of(older, newer)


def parsed(text: str) -> Lock | None:
    """The lock; None if there are findings, of which every lock that is not read has one."""
    lock, findings = parse_lock(Source("schema.lock", text))
    assert (lock is None) is bool(findings)
    return lock


def is_older(lock: Lock | None) -> bool:
    """Some of the last versions may be missing: the file may as well be that of an older release."""
    return lock is None or lock.versions == original().versions[: len(lock.versions)]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_lines_that_were_changed(data: st.DataObject) -> None:
    lines = render_lock(original()).splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        other = data.draw(st.sampled_from(lines) | st.text(max_size=20))
        match data.draw(st.sampled_from(["drop", "double", "replace", "insert"])):
            case "drop" if len(lines) > 1:
                del lines[index]
            case "double":
                lines.insert(index, lines[index])
            case "replace":
                lines[index] = other
            case _:
                lines.insert(index, other)
    assert is_older(parsed("\n".join(lines)))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_characters_that_were_changed(data: st.DataObject) -> None:
    text = render_lock(original())
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    assert is_older(parsed(text[:start] + data.draw(st.text(max_size=3)) + text[end:]))


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    assert is_older(parsed(text))
    assert is_older(parsed("format: cloudstate.io/lock/v1\n" + text))
