"""Our values as messages of the CloudState protocol, and back. Payloads are copied as bytes, never decoded."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.any_pb2 import Any

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.entity.messages import Action, Failure, Forward, Reply, SideEffect
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata, Payload

_STATUS = {int(code): code for code in StatusCode if code is not StatusCode.OK}


def any_of(payload: Payload) -> Any:
    """A payload as the protocol carries it."""
    return Any(type_url=payload.type_url, value=payload.value)


def payload_of(message: Any) -> Payload:
    """A payload that the protocol carried."""
    return Payload(message.type_url, message.value)


def metadata_message(metadata: Metadata) -> pb.Metadata | None:
    """Metadata as a message; None where there is none, because an empty message is not the same as no message."""
    if not metadata:
        return None
    return pb.Metadata(
        entries=[
            pb.MetadataEntry(key=key, string_value=value)
            if isinstance(value, str)
            else pb.MetadataEntry(key=key, bytes_value=value)
            for key, value in metadata
        ]
    )


def metadata_of(message: pb.Metadata) -> Metadata:
    """Metadata that a function sent; entries without a value are left out."""
    return tuple(
        (entry.key.lower(), entry.string_value if entry.HasField("string_value") else entry.bytes_value)
        for entry in message.entries
        if entry.WhichOneof("value")
    )


def action_of(message: pb.ClientAction) -> Action | None:
    """How a command ends; None if the message does not say."""
    match message.WhichOneof("action"):
        case "reply":
            return reply_of(message.reply)
        case "forward":
            return forward_of(message.forward)
        case "failure":
            return failure_of(message.failure)
    return None


def reply_of(message: pb.Reply) -> Reply:
    """An answer."""
    return Reply(message.payload.value, metadata_of(message.metadata) if message.HasField("metadata") else ())


def forward_of(message: pb.Forward) -> Forward:
    """A forward."""
    metadata = metadata_of(message.metadata) if message.HasField("metadata") else ()
    return Forward(message.service_name, message.command_name, message.payload.value, metadata)


def failure_of(message: pb.Failure) -> Failure:
    """A failure that is meant for the client; UNKNOWN where the function chose no status, or none that exists."""
    return Failure(message.description, _STATUS.get(message.grpc_status, StatusCode.UNKNOWN), message.restart)


def side_effects_of(messages: Iterable[pb.SideEffect]) -> tuple[SideEffect, ...]:
    """Side effects, in order."""
    return tuple(
        SideEffect(
            effect.service_name,
            effect.command_name,
            effect.payload.value,
            effect.synchronous,
            metadata_of(effect.metadata) if effect.HasField("metadata") else (),
        )
        for effect in messages
    )
