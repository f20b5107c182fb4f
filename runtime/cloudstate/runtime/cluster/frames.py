"""What members say to each other, as bytes (protocols/cloudstate/members.proto)."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from cloudstate import members_pb2 as pb
from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.entity.request import Request, Result
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata


def call(sender: str, number: int, entity_id: str, request: Request, now: float) -> pb.Frame:
    """A command for the owner of an entity; ``now`` is the loop's time."""
    remaining = 0 if request.deadline is None else max(1, int((request.deadline - now) * 1000))
    said = pb.Call(
        service=request.service,
        command=request.command,
        payload=request.payload,
        metadata=_entries(request.metadata),
        remaining=min(remaining, 2**32 - 1),
        hops=request.hops,
        id=request.id,
        entity=entity_id,
    )
    return pb.Frame(sender=sender, number=number, call=said)


def called(said: pb.Call, now: float) -> Request:
    """The command of a call."""
    return Request(
        said.service,
        said.command,
        said.payload,
        _metadata(said.metadata),
        now + said.remaining / 1000 if said.remaining else None,
        said.hops,
        said.id,
        is_passed_on=True,
    )


def result(sender: str, number: int, what: Result) -> pb.Frame:
    """What became of a call."""
    frame = pb.Frame(sender=sender, number=number)
    if isinstance(what, Failure):
        frame.failure.description = what.description
        frame.failure.status = what.status.value
    else:
        frame.reply.payload = what.payload
        frame.reply.metadata.extend(_entries(what.metadata))
    return frame


def resulted(frame: pb.Frame) -> Result:
    """The result in a frame that has one."""
    if frame.HasField("reply"):
        return Reply(frame.reply.payload, _metadata(frame.reply.metadata))
    try:
        status = StatusCode(frame.failure.status)
    except ValueError:
        status = StatusCode.UNKNOWN
    return Failure(frame.failure.description, status)


def note(sender: str, number: int, about: str) -> pb.Frame:
    """A frame that says one of ``refused``, ``cancelled``, ``asked``, ``working``, ``unknown``."""
    frame = pb.Frame(sender=sender, number=number)
    getattr(frame, about).SetInParent()
    return frame


def read(data: bytes) -> list[pb.Frame]:
    """The frames of a message; none if it is no such message, and without those of a version to come."""
    try:
        told = pb.Frames.FromString(data)
    except DecodeError:
        return []
    return [frame for frame in told.frames if frame.sender and frame.WhichOneof("about")]


def _entries(metadata: Metadata) -> list[pb.MetadataEntry]:
    return [
        pb.MetadataEntry(key=key, text=value) if isinstance(value, str) else pb.MetadataEntry(key=key, binary=value)
        for key, value in metadata
    ]


def _metadata(entries: object) -> Metadata:
    return tuple(
        (entry.key, entry.binary if entry.WhichOneof("value") == "binary" else entry.text)
        for entry in entries  # type: ignore[attr-defined]
    )
