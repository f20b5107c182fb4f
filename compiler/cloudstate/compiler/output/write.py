"""The last step: a tree on disk becomes what a file set says, as a whole or not at all.

The new tree is built beside the old one and then takes its place by two renames. Whatever happens before that leaves
the old tree as it was; if the process dies between the two, the next run puts the old tree back first.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cloudstate.compiler.output.file_set import FileSet
from cloudstate.compiler.output.tree import compare

_OLD = ".old"
_NEW = ".new-"


def write(files: FileSet, folder: Path) -> None:
    """Make the tree at ``folder`` what ``files`` says. Foreign files in it stay, files that are right are not touched.

    Raises:
        FileExistsError: a foreign file is in the way.
        OSError: something cannot be read or written; the tree is as it was.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover(folder)
    difference = compare(files, folder)
    if difference.foreign:
        raise FileExistsError(difference.foreign[0])
    if difference.is_empty:
        return
    kept = set(files) - set(difference.missing) - set(difference.changed)
    new = folder.with_name(f".{folder.name}{_NEW}{os.getpid()}")
    try:
        new.mkdir()
        _build(new, files, folder, kept, gone=set(difference.stale) | set(difference.changed))
        _swap(new, folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def recover(folder: Path) -> None:
    """Put back the old tree if a run died before the new one was in its place, and clear away what it left."""
    old = _old(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def has_leftover(folder: Path) -> bool:
    """Whether a run that died has left something beside the folder, which the next ``write`` clears away."""
    return os.path.exists(_old(folder))


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_OLD}")


def _build(new: Path, files: FileSet, folder: Path, kept: set[str], gone: set[str]) -> None:
    for path, content in files.items():
        if path not in kept:
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
        inner = file.relative_to(folder)
        if inner.as_posix() not in gone and (file.is_symlink() or not file.is_dir()):
            _take_over(file, new / inner)


def _take_over(file: Path, target: Path) -> None:
    """Bring a file that stays into the new tree: as the same file where the file system can, else as a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(file, target, follow_symlinks=False)


def _swap(new: Path, folder: Path) -> None:
    old = _old(folder)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
