"""Records as bytes, for the journal and for other nodes: a version, then everything in a fixed order.

The same record gives the same bytes everywhere, and bytes that were written otherwise are refused, so records can be
compared by their bytes.
"""

from __future__ import annotations

from typing import Any

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Context, Dot, Span
from cloudstate.runtime.crdt.datatype import DataType
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.crdt.record import Record
from cloudstate.runtime.crdt.registry import TYPES
from cloudstate.runtime.crdt.state import State

#: The first byte.
VERSION = 1

_DELETED, _UNSETTLED = 0, 255


def encode(record: Record) -> bytes:
    """A record, or a delta of one, as bytes."""
    out = Writer()
    out.number(VERSION)
    out.number(record.generation)
    if record.state is None:
        out.number(_DELETED if record.deleted else _UNSETTLED)
        return out.written()
    state = record.state
    out.number(state.kind)
    nodes = sorted(state.context.spans)
    out.number(len(nodes))
    for node in nodes:
        _write_spans(node, state.context.spans[node], out)
    _write_facts(state, {node: index for index, node in enumerate(nodes)}, out)
    return out.written()


def decode(data: bytes) -> Record:
    """The record that these bytes are.

    Raises:
        EncodingInvalid: they are not what ``encode`` writes.
    """
    reader = Reader(data)
    version = reader.number()
    if version != VERSION:
        raise reader.invalid(f"the format {version}, this version reads {VERSION}")
    generation, what = reader.number(), reader.number()
    if what in (_DELETED, _UNSETTLED):
        record = Record(generation, None, deleted=what == _DELETED)
    else:
        record = Record(generation, _state(what, reader))
    reader.end()
    return record


def _write_spans(node: str, spans: tuple[Span, ...], out: Writer) -> None:
    """Each span as its distance from the one before, and its length: neither is ever 0, so both are one less."""
    out.text(node)
    out.number(len(spans))
    end = 0
    for index, (first, last) in enumerate(spans):
        out.number(first - end - 1 - bool(index))
        out.number(last - first)
        end = last


def _write_facts(state: State, index: dict[str, int], out: Writer) -> None:
    data_type = TYPES[state.kind]
    out.number(len(state.facts))
    for dot in sorted(state.facts):
        out.number(index[dot.node])
        out.number(dot.number)
        data_type.write(state.facts[dot], out)


def _state(what: int, reader: Reader) -> State:
    try:
        kind = Kind(what)
    except ValueError:
        raise reader.invalid(f"no data type {what}") from None
    spans: dict[str, tuple[Span, ...]] = {}
    nodes: list[str] = []
    for _ in range(reader.number()):
        node = reader.text()
        if nodes and node <= nodes[-1]:
            raise reader.invalid("nodes out of order")
        nodes.append(node)
        spans[node] = _spans(reader)
    context = Context(spans)
    return State(kind, _facts(TYPES[kind], nodes, context, reader), context)


def _spans(reader: Reader) -> tuple[Span, ...]:
    count = reader.number()
    if not count:
        raise reader.invalid("a node without changes")
    spans: list[Span] = []
    end = 0
    for index in range(count):
        first = end + reader.number() + 1 + bool(index)
        end = first + reader.number()
        spans.append((first, end))
    return tuple(spans)


def _facts(data_type: DataType[Any, Any, Any], nodes: list[str], context: Context, reader: Reader) -> dict[Dot, Any]:
    facts: dict[Dot, Any] = {}
    previous = (-1, 0)
    for _ in range(reader.number()):
        place = index, number = reader.number(), reader.number()
        if index >= len(nodes) or place <= previous:
            raise reader.invalid("facts out of order")
        previous = place
        dot = Dot(nodes[index], number)
        if dot not in context:
            raise reader.invalid("a fact that was never seen")
        facts[dot] = data_type.read(reader)
    return facts
