"""A record of what was compiled to what, as a value and as a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudstate.compiler.diagnostics import Diagnostic, Edit, Label, codes
from cloudstate.compiler.incremental.evidence import Surroundings
from cloudstate.compiler.source import Source, Span


class Unusable(Exception):
    """What was read is no record, or not what was written."""


@dataclass(frozen=True, slots=True)
class Record:
    """One service that was compiled and written.

    Attributes:
        compiler: which one it was.
        given: the spec as it was named: its path for people, and the name and the Kubernetes it was given.
        name: the service's name.
        folder: where its files were written to.
        surroundings: what the spec's folder was like.
        read: hashes of the files that it was made from, by their paths below the spec's folder; None where one was
            looked for and not there.
        written: hashes of the files that were written, by their paths below ``folder``.
        findings: what there was to say; no errors.
    """

    compiler: str
    given: tuple[str, str | None, str | None]
    name: str
    folder: str
    surroundings: Surroundings
    read: Mapping[str, str | None]
    written: Mapping[str, str]
    findings: tuple[Diagnostic, ...]


def render(record: Record) -> bytes:
    """A record as the content of a file."""
    sources = list(dict.fromkeys(span.source for found in record.findings for span in _spans(found)))
    body = {
        "compiler": record.compiler,
        "given": record.given,
        "name": record.name,
        "folder": record.folder,
        "has_protos": record.surroundings.has_protos,
        "modules": record.surroundings.modules,
        "read": record.read,
        "written": record.written,
        "sources": [[source.name, source.text] for source in sources],
        "findings": [_finding(found, sources) for found in record.findings],
    }
    text = json.dumps(body).encode()
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def parse(content: bytes) -> Record:
    """A record from the content of a file.

    Raises:
        Unusable: it is damaged, or of another form.
    """
    checksum, _, text = content.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != checksum:
        raise Unusable
    try:
        return _record(json.loads(text))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Unusable from error


def _record(body: dict[str, Any]) -> Record:
    sources = [Source(name, text) for name, text in body["sources"]]
    shown, name, kubernetes = body["given"]
    return Record(
        compiler=body["compiler"],
        given=(shown, name, kubernetes),
        name=body["name"],
        folder=str(body["folder"]),
        surroundings=Surroundings(body["has_protos"], tuple(body["modules"])),
        read=_hashes(body["read"], (str, type(None))),
        written=_hashes(body["written"], (str,)),
        findings=tuple(_diagnostic(found, sources) for found in body["findings"]),
    )


def _hashes(value: Any, kinds: tuple[type, ...]) -> Any:
    if not isinstance(value, dict) or not all(isinstance(one, kinds) for one in value.values()):
        raise TypeError
    return value


def _spans(found: Diagnostic) -> Iterator[Span]:
    yield from (label.span for label in found.labels)
    yield from (edit.span for edit in found.edits)


def _finding(found: Diagnostic, sources: Sequence[Source]) -> list[object]:
    def marked(span: Span, text: str) -> list[object]:
        return [sources.index(span.source), span.start, span.end, text]

    labels = [marked(label.span, label.text) for label in found.labels]
    edits = [marked(edit.span, edit.replacement) for edit in found.edits]
    return [found.code.id, found.message, labels, found.notes, found.helps, edits]


def _diagnostic(found: list[Any], sources: Sequence[Source]) -> Diagnostic:
    code, message, labels, notes, helps, edits = found

    def span(place: list[Any]) -> Span:
        return Span(sources[place[0]], place[1], place[2])

    return Diagnostic(
        code=codes.CATALOGUE[code],
        message=message,
        labels=tuple(Label(span(place), place[3]) for place in labels),
        notes=tuple(notes),
        helps=tuple(helps),
        edits=tuple(Edit(span(place), place[3]) for place in edits),
    )
