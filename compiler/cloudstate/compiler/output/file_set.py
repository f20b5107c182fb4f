"""Files in memory: what a backend returns and the writer compares with the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath


class FileSet(Mapping[str, bytes]):
    """An immutable mapping of relative POSIX paths to file contents, iterated in the order of the paths.

    Raises:
        ValueError: a path is absolute, not normal, or leads out of the directory: a defect of a backend.
    """

    __slots__ = ("_files",)

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        for path in files or {}:
            if not is_inner_path(path):
                raise ValueError(f"not a relative path inside the output directory: {path!r}")
        self._files = dict(sorted((files or {}).items()))

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"FileSet({', '.join(self._files)})"

    def merge(self, *others: FileSet) -> FileSet:
        """All files of this set and the others.

        Raises:
            ValueError: two sets hold the same path: backends must not write over each other.
        """
        merged = dict(self._files)
        for other in others:
            doubled = sorted(merged.keys() & other.keys())
            if doubled:
                raise ValueError(f"two backends write {', '.join(doubled)}")
            merged.update(other)
        return FileSet(merged)

    @property
    def digest(self) -> str:
        """SHA-256 over all paths and contents."""
        digest = hashlib.sha256()
        for path, content in self._files.items():
            digest.update(f"{len(path.encode())}:{path}:{len(content)}:".encode())
            digest.update(content)
        return digest.hexdigest()


def is_inner_path(path: str) -> bool:
    """Whether a path is relative, normal, and does not lead out of the directory."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts and str(pure) == path
