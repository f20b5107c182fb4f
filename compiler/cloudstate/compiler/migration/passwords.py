"""Passwords in documents: found, and hidden from everything that shows lines of a file."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Sink, codes
from cloudstate.compiler.migration.fields import flat, plain
from cloudstate.compiler.source import Entry, Mapping, Node, Scalar, Source, Span
from cloudstate.compiler.source.yaml_nodes import parse_all

_WHERE = ("spec", "config", "credentials", "password")


def without_passwords(source: Source, sink: Sink) -> Source:
    """The file with ``xxx`` in the place of each password of a store; everything stays where it was."""
    found = [entry for node in flat(parse_all(source)[0]) for entry in _password(node)]
    text = source.text
    for entry in found:
        span = entry.value.span
        text = f"{text[: span.start]}{_hidden(span.text)}{text[span.end :]}"
    hidden = Source(source.name, text)
    for entry in found:
        at = Span(hidden, entry.key_span.start, entry.key_span.end)
        known = codes.PASSWORD_IN_DOCUMENT.at(at, "everybody who has the file can read it")
        sink.add(known.help("put it into a Secret, and let the database take another one"))
    return hidden


def _password(node: Node) -> Iterator[Entry]:
    if not isinstance(node, Mapping) or plain(node, "kind") != "StatefulStore":
        return
    entry = None
    for key in _WHERE:
        entry = node.get(key) if isinstance(node, Mapping) else None
        node = entry.value if entry else Mapping((), node.span)
    if entry is not None and isinstance(entry.value, Scalar) and entry.value.value is not None:
        yield entry


def _hidden(written: str) -> str:
    quote = written[:1] if written[:1] in ("'", '"') else ""
    if quote:
        return f"{quote}{_crossed(written[1:-1])}{quote}"
    # A block begins with a line of its own, which says how it is written.
    head, newline, rest = written.partition("\n")
    return f"{head}{newline}{_crossed(rest)}" if written[:1] in "|>" else _crossed(written)


def _crossed(text: str) -> str:
    return "".join(it if it.isspace() else "x" for it in text)
