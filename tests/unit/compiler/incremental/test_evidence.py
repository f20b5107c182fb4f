"""Hashes of files: of all of a file, and of nothing but files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cloudstate.compiler.incremental import evidence


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 4098, 100_000])
def test_the_whole_file_is_hashed(size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert evidence.digest(str(tmp_path / "file")) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("most", [1, 1000, 4097, 5000])
def test_a_system_that_gives_less_than_was_asked_for(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(9999)
    (tmp_path / "file").write_bytes(content)
    real = os.read
    monkeypatch.setattr(
        "cloudstate.compiler.incremental.evidence.os.read", lambda opened, size: real(opened, min(size, most))
    )
    assert evidence.digest(str(tmp_path / "file")) == hashlib.sha256(content).hexdigest()


def test_what_is_no_file_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "astray").symlink_to(tmp_path / "nothing")
    for name in ("folder", "pipe", "astray", "nothing", "folder/x"):
        assert evidence.digest(str(tmp_path / name)) is None, name
