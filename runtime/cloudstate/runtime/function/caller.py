"""Commands that handlers run and wait for: ``ctx.call``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from cloudstate.runtime.authoring.call import Call
from cloudstate.runtime.entity.messages import Failure
from cloudstate.runtime.entity.request import Request, Result
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.payload import Metadata

R = TypeVar("R", bound=Message)

#: The W3C trace context: what a command leads to is part of its trace.
_TRACE = ("traceparent", "tracestate")


class Caller:
    """Runs commands for the handlers of one function. Where nothing is bound, nothing can be run."""

    def __init__(self) -> None:
        self._run: Callable[[Request], Awaitable[Result]] | None = None
        self._id_of: Callable[[Metadata], str] = lambda metadata: ""

    def bind(self, run: Callable[[Request], Awaitable[Result]], id_of: Callable[[Metadata], str]) -> None:
        """Say how.

        Args:
            run: runs a command, wherever its entity is, and gives its result by its deadline.
            id_of: the caller's id of a command, from its metadata; empty if it has none.
        """
        self._run, self._id_of = run, id_of

    async def call(self, call: Call[Any], metadata: Metadata, deadline: float | None, number: int) -> Message:
        """Run a command for a handler and wait for its reply.

        Args:
            metadata: of the command that the handler handles.
            number: which call of that handler it is: the same again when the command is tried again.

        Raises:
            CommandRejected: it failed, was refused, or cannot be called from here.
        """
        if self._run is None:
            text = f"`{call.service}/{call.command}` cannot be called from here: only in the placement `embedded`"
            raise CommandRejected(text, StatusCode.UNIMPLEMENTED)
        id = self._id_of(metadata)
        trace = tuple(entry for entry in metadata if entry[0] in _TRACE)
        request = Request(
            call.service,
            call.command,
            call.message.SerializeToString(),
            (*call.metadata, *trace),
            deadline,
            hops=1,
            id=f"{id}>call {number}" if id else "",
        )
        result = await self._run(request)
        if isinstance(result, Failure):
            raise CommandRejected(result.description, result.status)
        return _output(call).FromString(result.payload)


def _output(call: Call[Any]) -> type[Message]:
    """The class of a command's replies: the one of the generated code, which is in the same pool as its input."""
    method = call.message.DESCRIPTOR.file.pool.FindMethodByName(f"{call.service}.{call.command}")
    made: type[Message] = GetMessageClass(method.output_type)  # type: ignore[arg-type]
    return made
