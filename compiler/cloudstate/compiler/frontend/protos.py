"""protoc, run on the protos of a spec: a descriptor set with positions, or findings at the lines it complains of.

Imports are looked up in the installed packages first (``cloudstate``, ``google``), then in the proto root: a project
that keeps copies of well-known files gets the ones that the generated code will be imported next to.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from cloudstate.compiler import protoc
from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.frontend.files import ProtoRoot
from cloudstate.compiler.frontend.known_protos import KnownProtos
from cloudstate.compiler.frontend.protoc_words import way_out
from cloudstate.compiler.protoc import ProtocMissing
from cloudstate.compiler.source import Source, Span

_known = KnownProtos()
_AT_LINE = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)")
_AT_FILE = re.compile(r"(?P<file>[^:\n]+\.proto): (?P<text>.*)")
_BAD_IMPORT = re.compile(r'Import "(?P<path>[^"]+)" was not found or had errors\.')
_WORD = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|[\w.]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Complaint:
    file: str
    line: int
    column: int
    text: str


def compile_protos(root: ProtoRoot, paths: Sequence[str]) -> tuple[FileDescriptorSet, tuple[Diagnostic, ...]]:
    """Compile the files, given by their paths below the proto root.

    Returns:
        The descriptors, dependencies first, with positions and comments; empty if there are findings.

    Raises:
        ProtocMissing: protoc is not installed.
    """
    listed = sorted(set(paths))
    descriptors = FileDescriptorSet()
    if not listed:
        return descriptors, ()
    with tempfile.TemporaryDirectory(prefix="cloudstate-") as folder:
        out = Path(folder) / "descriptors"
        errors = "" if _run_quickly(root, listed, out) else _run(root, listed, out)
        if not errors:
            descriptors.ParseFromString(out.read_bytes())
            own = own_files(root, descriptors)
            _known.learn(file for file in descriptors.file if file.name not in own)
            return descriptors, ()
        # protoc stops after the first file with errors; people want to hear of all.
        each = [errors] if len(listed) == 1 else [_run(root, [path], out) for path in listed]
    complaints = sorted({complaint for errors in each for complaint in _complaints(errors)}, key=repr)
    found = [_diagnostic(root, complaint) for complaint in complaints if not _is_consequence(complaint, complaints)]
    return descriptors, tuple(found) or (_puzzling(root, errors),)


def _run_quickly(root: ProtoRoot, paths: Sequence[str], out: Path) -> bool:
    """Run protoc with what is known of installed packages in the place of their folders. False where that is not
    enough, or where anything at all is wrong, or where the project has a folder that they would have to hide."""
    options = _known.options()
    if not options or any((root.folder / package).exists() for package, _ in _installed()):
        return False
    return protoc.run([*options, "-I.", *_output_options(out), *paths], root.folder).code == 0


def _run(root: ProtoRoot, paths: Sequence[str], out: Path) -> str:
    """Run protoc. Returns what it complains of, "" if all is well."""
    done = protoc.run([*_include_options(), *_output_options(out), *paths], root.folder)
    return "" if done.code == 0 else done.told or "protoc failed"


def _output_options(out: Path) -> tuple[str, ...]:
    return ("--include_imports", "--include_source_info", f"--descriptor_set_out={out}")


def own_files(root: ProtoRoot, descriptors: FileDescriptorSet) -> tuple[str, ...]:
    """The paths of those files that are the project's own."""
    return tuple(
        file.name
        for file in descriptors.file
        if root.has(file.name)
        and not any(
            file.name.startswith(f"{package}/") and (folder.parent / file.name).is_file()
            for package, folder in _installed()
        )
    )


def _include_options() -> Iterator[str]:
    """``-I`` options; ``-Iname=folder`` makes protoc see nothing of a folder but one package."""
    for package, folder in _installed():
        yield f"-I{package}={folder}"
    yield "-I."


@cache
def _installed() -> tuple[tuple[str, Path], ...]:
    """The installed proto packages: name and folder."""
    found = []
    for package, marker in (("cloudstate", "annotations.proto"), ("google", "api/annotations.proto")):
        folder = next((path for path in _portions(package) if (path / marker).is_file()), None)
        if folder is None:
            raise ProtocMissing(f"`{package}/{marker}` is not installed")
        found.append((package, folder))
    return (*found, ("google", protoc.tools() / "_proto" / "google"))


def _portions(package: str) -> list[Path]:
    spec = find_spec(package)
    return [Path(portion) for portion in (spec.submodule_search_locations or ())] if spec else []


def _complaints(errors: str) -> Iterator[_Complaint]:
    for line in errors.splitlines():
        at_line, at_file = _AT_LINE.fullmatch(line), _AT_FILE.fullmatch(line)
        if at_line is not None:
            place = int(at_line["line"]) - 1, int(at_line["column"]) - 1
            yield _Complaint(at_line["file"], *place, at_line["text"])
        elif at_file is not None:
            yield _Complaint(at_file["file"], 0, 0, at_file["text"])


def _is_consequence(complaint: _Complaint, all_: Sequence[_Complaint]) -> bool:
    """Whether something else is to blame: a warning, a file that is not there, names out of a bad import."""
    if complaint.text.startswith("warning: ") or complaint.text.startswith("File not found."):
        return True
    bad_import = _BAD_IMPORT.fullmatch(complaint.text)
    if bad_import is not None:
        return not _is_missing(bad_import["path"], all_)
    has_bad_import = any(other.file == complaint.file and _BAD_IMPORT.fullmatch(other.text) for other in all_)
    return has_bad_import and complaint.text.endswith("is not defined.")


def _is_missing(path: str, all_: Sequence[_Complaint]) -> bool:
    return any(other.file == path and other.text.startswith("File not found.") for other in all_)


def _diagnostic(root: ProtoRoot, complaint: _Complaint) -> Diagnostic:
    source = root.source(complaint.file)
    start = source.protoc_offset(complaint.line, complaint.column)
    bad_import = _BAD_IMPORT.fullmatch(complaint.text)
    if bad_import is not None:
        span = Span(source, start, start + len(source.line(complaint.line + 1))).find(f'"{bad_import["path"]}"')
        found = codes.UNRESOLVED_IMPORT.at(span, "imported here", path=bad_import["path"])
        guess = root.similar(bad_import["path"])
        return found.did_you_mean(guess) if guess else found.help(f"write the path below the proto root, {root.shown}")
    word = _WORD.match(source.text, start)
    span = Span(source, start, word.end() if word else start)
    return codes.PROTO_ERROR.at(span, reason=_sentence(complaint.text)).help(way_out(complaint.text))


def _sentence(text: str) -> str:
    text = text.strip().removesuffix(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _puzzling(root: ProtoRoot, errors: str) -> Diagnostic:
    return codes.PROTO_ERROR.at(Span(Source(root.shown)), reason=errors.strip().splitlines()[0]).help(
        "`cloudstate explain CS1014` says more"
    )
