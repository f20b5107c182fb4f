"""Reading of input files: each becomes a ``Source``, or a finding that says why not."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path, PurePosixPath

from cloudstate.compiler.diagnostics import Diagnostic, closest_name, codes
from cloudstate.compiler.source import Located, Source, Span


def read_source(path: Path, shown: str, at: Span | None = None) -> Source | Diagnostic:
    """The file's text. A finding points to ``at``, where the file is mentioned, else to the file itself."""
    span = at or Span(Source(shown))
    try:
        return Source(shown, path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        found = codes.NOT_UTF8.at(span, path=shown).note(f"the byte at offset {error.start} begins no character")
        return found.help("save the file as UTF-8")
    except OSError as error:
        return codes.UNREADABLE_FILE.at(span, path=shown, reason=_reason(error)).help("name a file that can be read")


def _reason(error: OSError) -> str:
    """Why, in words that do not depend on the operating system's language."""
    match error:
        case IsADirectoryError():
            return "it is a folder"
        case PermissionError():
            return "permission denied"
        case FileNotFoundError():
            return "it does not exist"
    return error.strerror or type(error).__name__


class ProtoRoot:
    """The folder that the paths of proto files are relative to.

    Args:
        folder: the folder.
        shown: its path as people read it.
    """

    def __init__(self, folder: Path, shown: str) -> None:
        self.folder = folder
        self.shown = shown or "."
        self._prefix = f"{shown}/" if shown else ""

    def check(self, proto: Located[str]) -> Diagnostic | None:
        """What is wrong with a file that the spec lists, if anything is."""
        path = PurePosixPath(proto.value)
        if path.is_absolute() or ".." in path.parts or path.suffix != ".proto" or str(path) != proto.value:
            found = codes.PROTO_OUTSIDE_ROOT.at(proto.span, path=proto.value)
            return found.help(f"write the path of a .proto file as it is below the proto root, {self.shown}")
        file = self.folder / path
        if not file.exists():
            found = codes.PROTO_NOT_FOUND.at(proto.span, f"looked for below {self.shown}", path=proto.value)
            return found.did_you_mean(self.similar(proto.value), proto.span)
        source = read_source(file, f"{self._prefix}{proto.value}", proto.span)
        return None if isinstance(source, Source) else source

    def has(self, path: str) -> bool:
        """Whether a path that protoc reports is a file of this root."""
        return (self.folder / path).is_file()

    def source(self, path: str) -> Source:
        """One of the files; without text if it cannot be read."""
        shown = f"{self._prefix}{path}"
        source = read_source(self.folder / path, shown)
        return source if isinstance(source, Source) else Source(shown)

    def similar(self, path: str) -> str:
        """The file of this root that was probably meant by a path that leads nowhere, or ""."""
        dotted = {_dotted(known): known for known in self._paths}
        return dotted.get(closest_name(_dotted(path), dotted), "")

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        return tuple(sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.proto")))


def _dotted(path: str) -> str:
    """A path as a dotted name, so that files are compared the way types are."""
    return path.removesuffix(".proto").replace("/", ".")
