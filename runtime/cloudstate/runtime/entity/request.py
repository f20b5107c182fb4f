"""A command before it is known whose it is, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.payload import Metadata

Result: TypeAlias = Reply | Failure
Done: TypeAlias = Callable[[Result], None]


class Request(NamedTuple):
    """A command for one of this runtime's services.

    Attributes:
        payload: the encoded input message.
        deadline: loop time after which the caller no longer waits, or None.
        hops: how many forwards and side effects led here.
        id: the caller's id of the command where the metadata does not have it; see ``command_id``.
        is_passed_on: another member of the cluster has sent it here, because its entity is here.
    """

    service: str
    command: str
    payload: bytes
    metadata: Metadata = ()
    deadline: float | None = None
    hops: int = 0
    id: str = ""
    is_passed_on: bool = False
