"""What can be wrong with a change, with stored bytes, and with two states that should merge."""

from __future__ import annotations

from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.errors import CloudStateError, ProtocolViolation, StatusCode


class ChangeRefused(ProtocolViolation):
    """A user function asks for a change that its data type does not have (protocol.md section 2.8).

    Attributes:
        kind: the data type that should change.
        reason: what is wrong with the change.
    """

    def __init__(self, kind: Kind | None, reason: str) -> None:
        super().__init__(reason if kind is None else f"{kind.title}: {reason}")
        self.kind = kind
        self.reason = reason


class KindConflict(CloudStateError):
    """Two replicas have created the same entity as different data types: one of them runs other code.

    Attributes:
        here, there: the two types.
    """

    status = StatusCode.FAILED_PRECONDITION
    retry_safe = False

    def __init__(self, here: Kind, there: Kind) -> None:
        super().__init__(f"a {here.title} and a {there.title} do not merge: the entity was created as both")
        self.here = here
        self.there = there


class EncodingInvalid(CloudStateError):
    """Bytes that are not what this version writes: damaged, or written by a newer version.

    Attributes:
        offset: where in the bytes reading ended.
    """

    status = StatusCode.DATA_LOSS
    retry_safe = False

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"not an encoded CRDT: {reason} at byte {offset}")
        self.offset = offset
