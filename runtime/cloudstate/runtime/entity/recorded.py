"""How the answer to a command is kept for retries: as bytes, with a digest of the command that it answers.

    byte 0      version, 1
    byte 1      kind: 0 reply, 1 failure, 2 forward
    bytes 2-9   digest of the command's name and payload
    then        fields, each a length of four bytes (big endian) and so many bytes

Fields of a reply: payload, metadata. Of a failure: text, status number. Of a forward: service, command, payload,
metadata. Metadata is a name and a value for each pair; a value is bytes where its name ends in ``-bin``.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from cloudstate.runtime.entity.messages import Action, Command, Failure, Forward, Reply
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata

_VERSION = 1
_REPLY, _FAILURE, _FORWARD = range(3)
_HEAD = 10

#: A failure with one of these is the command's result: it would not have gone otherwise a moment later. Others say
#: that something was in the way, and a retry is a new attempt.
FINAL = frozenset(
    {
        StatusCode.INVALID_ARGUMENT,
        StatusCode.NOT_FOUND,
        StatusCode.ALREADY_EXISTS,
        StatusCode.PERMISSION_DENIED,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.OUT_OF_RANGE,
        StatusCode.UNIMPLEMENTED,
        StatusCode.UNAUTHENTICATED,
    }
)


def is_final(action: Action | None) -> bool:
    """True if a retry of the command must get the same answer."""
    return not isinstance(action, Failure) or action.status in FINAL


def encode(command: Command, action: Action | None) -> bytes:
    """The bytes to keep. None, a command without reply, is kept as an empty reply."""
    kind, fields = _fields(action or Reply(b""))
    parts = [bytes((_VERSION, kind)), _digest(command)]
    for field in fields:
        parts += (len(field).to_bytes(4, "big"), field)
    return b"".join(parts)


def decode(command: Command, kept: bytes) -> Action:
    """The kept answer; a failure where it answers another command than this one.

    Raises:
        ValueError: it is of a version that this one does not know, or damaged.
    """
    if len(kept) < _HEAD or kept[0] != _VERSION:
        raise ValueError(f"kept answers of version {kept[:1]!r} are unknown")
    if kept[2:_HEAD] != _digest(command):
        text = f"command id `{command.id}` was used for another command of this entity; give each command its own id"
        return Failure(text, StatusCode.INVALID_ARGUMENT)
    fields = _split(kept)
    match kept[1]:
        case 0:
            return Reply(next(fields), _metadata(fields))
        case 1:
            return Failure(next(fields).decode(), StatusCode(int(next(fields))))
        case 2:
            service, name, payload = next(fields).decode(), next(fields).decode(), next(fields)
            return Forward(service, name, payload, _metadata(fields))
    raise ValueError(f"kept answers of kind {kept[1]} are unknown")


def _digest(command: Command) -> bytes:
    digest = blake2b(command.name.encode(), digest_size=8)
    digest.update(b"\0")
    digest.update(command.payload)
    return digest.digest()


def _fields(action: Action) -> tuple[int, list[bytes]]:
    if isinstance(action, Failure):
        return _FAILURE, [action.description.encode(), b"%d" % action.status.value]
    fields = [action.payload]
    for name, value in action.metadata:
        fields += (name.encode(), value if isinstance(value, bytes) else value.encode())
    if isinstance(action, Forward):
        return _FORWARD, [action.service.encode(), action.command.encode(), *fields]
    return _REPLY, fields


def _split(kept: bytes) -> Iterator[bytes]:
    place = _HEAD
    while place < len(kept):
        begin = place + 4
        place = begin + int.from_bytes(kept[place:begin], "big")
        yield kept[begin:place]


def _metadata(fields: Iterator[bytes]) -> Metadata:
    pairs = zip(fields, fields, strict=False)  # of one iterator: its fields by twos
    return tuple((name.decode(), value if name.endswith(b"-bin") else value.decode()) for name, value in pairs)
