"""Commands on their way to the members that own their entities: sent, waited for, asked after, answered.

A command that nobody can take now, because its shard is moving or has no owner, waits here, and goes on as soon as
that changes. It is never run twice: what an owner refuses it has not run; and where an owner is lost with a command,
only one that may be repeated is sent again, the caller of any other is told that nobody knows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, TypeAlias

from cloudstate import members_pb2 as pb
from cloudstate.runtime.cluster import frames
from cloudstate.runtime.cluster.post import Post
from cloudstate.runtime.entity.messages import Failure
from cloudstate.runtime.entity.request import Done, Request, Result
from cloudstate.runtime.errors import StatusCode

logger = logging.getLogger(__name__)

Execute: TypeAlias = Callable[[Request, Done], "Callable[[], None] | None"]

#: Commands that may wait for their shard, or be at other members, at the same time.
MOST = 20_000
#: Seconds that a command waits for its shard to have an owner.
PATIENCE = 10.0
#: Seconds after which an owner is asked what has become of a command.
ASK_AFTER = 2.0
#: Seconds before a command that was refused is sent again, if nothing else happens to its shard.
_AGAIN = 0.05
#: Seconds between two looks at what is pending.
_LOOK = 0.05


class Placing(Protocol):
    """Who owns what; ``Node``."""

    me: str

    def holds(self, shard: int) -> bool: ...

    def owner(self, shard: int) -> str | None: ...

    def alive(self) -> frozenset[str]: ...


class Journey:
    """One command on its way."""

    __slots__ = (
        "abandon",
        "at",
        "done",
        "entity_id",
        "is_repeatable",
        "look_at",
        "number",
        "request",
        "shard",
        "until",
    )

    def __init__(
        self, number: int, shard: int, entity_id: str, request: Request, is_repeatable: bool, done: Done, until: float
    ) -> None:
        self.number = number
        self.shard = shard
        self.entity_id = entity_id
        self.request = request
        self.is_repeatable = is_repeatable
        self.done = done
        self.until = until
        self.at: str | None = None
        """The member that has it; None: it waits."""
        self.look_at = until
        """When to do something about it if nothing happens."""
        self.abandon: Callable[[], None] | None = None
        """Ends it where it runs in this process."""


class Passing:
    """Passes commands on. See the module.

    Args:
        execute: runs a command whose shard has come to this member meanwhile.
    """

    def __init__(self, node: Placing, post: Post, execute: Execute) -> None:
        self._node = node
        self._post = post
        self._execute = execute
        self._journeys: dict[int, Journey] = {}
        self._waiting: dict[int, dict[int, Journey]] = {}
        self._numbers = 0
        self._looking: asyncio.TimerHandle | None = None
        self.sent = 0
        """How many commands were sent to other members."""

    def pass_on(
        self, shard: int, entity_id: str, request: Request, is_repeatable: bool, done: Done
    ) -> Callable[[], None]:
        """Have a command run where its entity is; gives what to call if nobody waits for it any more."""
        if len(self._journeys) >= MOST:
            done(Failure(f"{MOST} commands wait for other members; try again later", StatusCode.RESOURCE_EXHAUSTED))
            return _nothing
        self._numbers += 1
        until = asyncio.get_running_loop().time() + PATIENCE
        journey = Journey(self._numbers, shard, entity_id, request, is_repeatable, done, until)
        self._journeys[journey.number] = journey
        self._go_on(journey)
        if self._looking is None and self._journeys:
            self._looking = asyncio.get_running_loop().call_later(_LOOK, self._look)
        return lambda: self._abandoned(journey)

    def shard_changed(self, shard: int) -> None:
        """A shard is served, or owned, otherwise than before."""
        for journey in list(self._waiting.get(shard, {}).values()):
            self._go_on(journey)

    @property
    def pending(self) -> int:
        """How many commands are on their way."""
        return len(self._journeys)

    def told(self, frame: pb.Frame) -> None:
        """Another member says something about a command that it was sent."""
        journey = self._journeys.get(frame.number)
        if journey is None or journey.at != frame.sender:
            return
        match frame.WhichOneof("about"):
            case "reply" | "failure":
                self._finish(journey, frames.resulted(frame))
            case "refused":
                self._wait(journey)
            case "unknown":
                self._lost(journey)
            case _:
                journey.look_at = asyncio.get_running_loop().time() + ASK_AFTER

    def _go_on(self, journey: Journey) -> None:
        owner = self._node.owner(journey.shard)
        if self._node.holds(journey.shard):
            self._run_here(journey)
        elif owner is None or owner == self._node.me:
            self._wait(journey)
        else:
            self._send(journey, owner)

    def _run_here(self, journey: Journey) -> None:
        self._no_longer_waits(journey)
        journey.at = self._node.me
        journey.look_at = float("inf")
        request = journey.request._replace(is_passed_on=True)
        journey.abandon = self._execute(request, lambda result: self._finish(journey, result))

    def _send(self, journey: Journey, owner: str) -> None:
        now = asyncio.get_running_loop().time()
        frame = frames.call(self._node.me, journey.number, journey.entity_id, journey.request, now)
        if frame.ByteSize() > self._post.largest:
            text = (
                f"a command of {frame.ByteSize()} bytes has to go to another member; the limit is {self._post.largest}"
            )
            self._finish(journey, Failure(text, StatusCode.RESOURCE_EXHAUSTED))
            return
        self._no_longer_waits(journey)
        journey.at, journey.look_at = owner, now + ASK_AFTER
        self.sent += 1
        self._post.send(owner, frame)

    def _wait(self, journey: Journey) -> None:
        journey.at = None
        journey.look_at = asyncio.get_running_loop().time() + _AGAIN
        self._waiting.setdefault(journey.shard, {})[journey.number] = journey

    def _no_longer_waits(self, journey: Journey) -> None:
        waiting = self._waiting.get(journey.shard)
        if waiting is not None and waiting.pop(journey.number, None) is not None and not waiting:
            del self._waiting[journey.shard]

    def _lost(self, journey: Journey) -> None:
        if journey.is_repeatable:
            self._wait(journey)
            self._go_on(journey)
            return
        text = "the member that had the command is gone, and whether it was run is not known: give it an id to retry it"
        self._finish(journey, Failure(text, StatusCode.UNAVAILABLE))

    def _finish(self, journey: Journey, result: Result) -> None:
        if self._journeys.pop(journey.number, None) is not None:
            self._no_longer_waits(journey)
            journey.done(result)

    def _abandoned(self, journey: Journey) -> None:
        if self._journeys.pop(journey.number, None) is None:
            return
        self._no_longer_waits(journey)
        if journey.abandon is not None:
            journey.abandon()
        elif journey.at is not None:
            self._post.send(journey.at, frames.note(self._node.me, journey.number, "cancelled"))

    def _look(self) -> None:
        """Do something about what has been pending for long."""
        self._looking = None
        now = asyncio.get_running_loop().time()
        alive = self._node.alive()
        for journey in list(self._journeys.values()):
            is_gone = journey.at is not None and journey.at not in alive and journey.abandon is None
            if is_gone and (journey.is_repeatable or now >= journey.until):  # the answer may still come
                self._lost(journey)
            elif journey.look_at <= now:
                self._overdue(journey, now)
        if self._journeys:
            self._looking = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def _overdue(self, journey: Journey, now: float) -> None:
        if journey.at is not None:
            journey.look_at = now + ASK_AFTER
            self._post.send(journey.at, frames.note(self._node.me, journey.number, "asked"))
        elif now >= journey.until:
            text = f"shard {journey.shard} has no owner that can be reached; try again"
            self._finish(journey, Failure(text, StatusCode.UNAVAILABLE))
        else:
            self._wait(journey)
            self._go_on(journey)


def _nothing() -> None:
    """Nobody waits for what was refused."""
