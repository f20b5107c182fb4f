"""What a router must know of a command before it reaches its function: shape, how to decode it, whose it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cloudstate.runtime.authoring.definition import CommandType


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One command as callers see it.

    Attributes:
        parse: decodes the input message; raises ``google.protobuf.message.DecodeError``.
        key: the entity id that a decoded input names; None for actions.
        reads_only: it is known to change nothing, so that its answers need not be kept for retries.
    """

    name: str
    parse: Callable[[bytes], Any]
    key: Callable[[Any], str] | None
    client_streaming: bool
    server_streaming: bool
    reads_only: bool = False

    @property
    def streamed(self) -> bool:
        """True for every shape but one request, one reply."""
        return self.client_streaming or self.server_streaming


def endpoints_of(commands: Iterable[CommandType]) -> Mapping[str, Endpoint]:
    """Endpoints by command name."""
    return {
        command.name: Endpoint(
            name=command.name,
            parse=command.input.FromString,
            key=key_reader(command.input, command.key) if command.key else None,
            client_streaming=command.client_streaming,
            server_streaming=command.server_streaming,
            reads_only=command.reads_only,
        )
        for command in commands
    }


def key_reader(message: type[Message], fields: tuple[str, ...]) -> Callable[[Any], str]:
    """How to read the entity id from a message.

    One key field gives its textual form. Several are joined with ``-``; a ``-`` or ``\\`` inside one of them is escaped
    with ``\\``, so that different keys never meet (the reference joins without escaping, protocol.md section 2.3).
    """
    readers = [_text_reader(name, message.DESCRIPTOR.fields_by_name[name].type) for name in fields]
    if len(readers) == 1:
        return readers[0]
    return lambda value: "-".join([read(value).replace("\\", "\\\\").replace("-", "\\-") for read in readers])


def _text_reader(name: str, kind: int) -> Callable[[Any], str]:
    read = attrgetter(name)
    if kind == FieldDescriptor.TYPE_STRING:
        return read
    if kind == FieldDescriptor.TYPE_BOOL:
        return lambda value: "true" if read(value) else "false"
    if kind == FieldDescriptor.TYPE_BYTES:
        return lambda value: read(value).hex()
    return lambda value: str(read(value))
