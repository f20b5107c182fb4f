"""References to commands of other services: what forwards and side effects are made of."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from cloudstate.runtime.errors import CommandRejected
from cloudstate.runtime.payload import Metadata

R = TypeVar("R", bound=Message)

# Without slots: `Call[Reply](...)` sets an attribute that a frozen class with slots refuses with the wrong exception.


@dataclass(frozen=True)
class Call(Generic[R]):
    """A command of a service of this runtime, with its message; ``R`` is the type of its reply.

    Generated code has a typed constructor for each: ``ShoppingCartCalls.add_item(AddLineItem(...))``.
    """

    service: str
    command: str
    message: Message
    metadata: Metadata = ()

    def forward(self) -> Forward[R]:
        """Return this from a handler, in place of a reply: the caller gets the other command's reply.

        The handler's own state change is made durable first. Chains of forwards are limited (docs/limits.md).
        """
        return Forward(self)


@dataclass(frozen=True)
class Forward(Generic[R]):
    """The answer comes from another command."""

    call: Call[R]


#: What a handler returns for an rpc that replies with ``R``: the message or a forward, from a plain or an async method.
Reply: TypeAlias = R | Forward[R] | Awaitable[R | Forward[R]]

#: One answer of an action: as above, or nothing (its side effects are all there is), or a refusal that keeps its side
#: effects; in a stream, more answers may follow either.
ActionAnswer: TypeAlias = R | Forward[R] | CommandRejected | None

#: What a handler of an action returns for an rpc with one reply, from a plain or an async method.
ActionReply: TypeAlias = ActionAnswer[R] | Awaitable[ActionAnswer[R]]

#: What a handler of a CRDT entity returns for a command whose replies are a stream: the first of them, or none.
StreamReply: TypeAlias = R | Forward[R] | Awaitable[R | Forward[R] | None] | None
