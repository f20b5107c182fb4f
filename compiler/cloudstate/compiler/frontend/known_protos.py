"""The files of installed packages that protoc has read in this process: it need not parse them for every spec again."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet


class KnownProtos:
    """Their descriptors, in a file that protoc reads."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._known = FileDescriptorSet()
        self._file: Path | None = None

    def learn(self, files: Iterable[FileDescriptorProto]) -> None:
        """Take the files of installed packages out of a run's result; what they import is among them."""
        new = [file for file in files if file.name not in self._names]
        for file in new:
            self._names.add(file.name)
            self._known.file.add().CopyFrom(file)
            self._known.file[-1].ClearField("source_code_info")
        if new:
            self._place().write_bytes(self._known.SerializeToString(deterministic=True))

    def options(self) -> list[str]:
        """What makes protoc use them, for files that it finds in no folder."""
        return [f"--descriptor_set_in={self._file}"] if self._file is not None else []

    def _place(self) -> Path:
        if self._file is None:
            folder = tempfile.TemporaryDirectory(prefix="cloudstate-")
            atexit.register(folder.cleanup)
            self._file = Path(folder.name, "known")
        return self._file
