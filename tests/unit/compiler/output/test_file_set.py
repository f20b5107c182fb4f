"""Sets of files in memory."""

from __future__ import annotations

import pytest

from cloudstate.compiler.output import FileSet


def test_files_are_iterated_by_path_whatever_the_order_of_writing() -> None:
    one, two = FileSet({"b": b"2", "a/c": b"1"}), FileSet({"a/c": b"1", "b": b"2"})
    assert list(one) == ["a/c", "b"]
    assert one == two
    assert one.digest == two.digest
    assert len(one) == 2


def test_the_digest_tells_paths_from_contents() -> None:
    assert FileSet({"a": b"bc"}).digest != FileSet({"ab": b"c"}).digest


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/"])
def test_paths_stay_inside(path: str) -> None:
    with pytest.raises(ValueError, match="not a relative path"):
        FileSet({path: b""})


def test_merging_refuses_to_lose_a_file() -> None:
    assert dict(FileSet({"a": b"1"}).merge(FileSet({"b": b"2"}), FileSet())) == {"a": b"1", "b": b"2"}
    with pytest.raises(ValueError, match="two backends write a"):
        FileSet({"a": b"1"}).merge(FileSet({"a": b"1"}))
