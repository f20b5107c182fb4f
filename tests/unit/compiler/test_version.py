"""The compiler's version, found without `importlib.metadata`, is the one that it would find."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from cloudstate.compiler.version import installed, version


@pytest.fixture(autouse=True)
def _looked_up_anew() -> Iterator[None]:
    for cached in (version, installed):
        cached.cache_clear()
    yield
    for cached in (version, installed):
        cached.cache_clear()


def test_it_is_that_of_the_distribution() -> None:
    assert version() == metadata.version("cloudstate-py")


def test_the_first_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cloudstate_py-9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: cloudstate-py\nVersion: 9.1+x\n\nVersion: 0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nothing.zip"), str(tmp_path), *sys.path])
    assert version() == metadata.version("cloudstate-py") == "9.1+x"


@pytest.mark.parametrize("content", [b"", b"\xff", b"Name: cloudstate-py\n"])
def test_without_a_word_of_it_python_is_asked(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cloudstate_py-9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_bytes(content)
    expected = metadata.version("cloudstate-py")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert version() == expected
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"asked for {name}")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for cached in (version, installed):
        cached.cache_clear()
    assert version() == "asked for cloudstate-py"
