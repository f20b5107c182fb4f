"""The entities of one service, spread over the members of a cluster: what the rest of the runtime needs to know.

A command may arrive at any member. If its entity is another member's, it is passed on, and its answer comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from cloudstate import members_pb2 as pb
from cloudstate.runtime.clock import Clock
from cloudstate.runtime.cluster import frames
from cloudstate.runtime.cluster.engine import Engine
from cloudstate.runtime.cluster.node import Node
from cloudstate.runtime.cluster.owned import OwnedJournal
from cloudstate.runtime.cluster.passing import Execute, Passing
from cloudstate.runtime.cluster.post import Post
from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.cluster.shards import shard_of
from cloudstate.runtime.entity.messages import Failure
from cloudstate.runtime.entity.request import Done, Request, Result
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.journal import Journal
from cloudstate.runtime.metrics import Figure

Vacate = Callable[[Callable[[str], bool]], Awaitable[None]]


class Sharding:
    """See the module. ``journal`` is what the hosts of its entities write to.

    Args:
        me: the name of this member; no other may ever have had it. Letters, digits, ``-`` and ``_``.
    """

    def __init__(self, me: str, setting: Setting, engine: Engine, journal: Journal, clock: Clock) -> None:
        self.me = me
        self.node = Node(me, setting, engine, journal, clock, self._vacate, self._shard_changed)
        self.journal: Journal = OwnedJournal(journal, self.node)
        self.here = 0
        """How many commands came in at the member that has their entity."""
        self._setting = setting
        self._engine = engine
        self._post = Post(engine, self._address)
        self._passing = Passing(self.node, self._post, self._execute)
        self._running: dict[tuple[str, int], Callable[[], None] | None] = {}
        self._run: Execute = _too_early
        self._empty: Vacate = _nothing_to_vacate

    def members(self) -> frozenset[str]:
        """The members that are there, as far as this one knows; always this one, too."""
        return self.node.alive() | {self.me}

    @property
    def passed_on(self) -> int:
        """How many commands were sent to other members."""
        return self._passing.sent

    def figures(self) -> list[Figure]:
        """What is counted."""
        here, on, node = self.here, self.passed_on, self.node
        return [
            Figure(
                "cloudstate_cluster_commands_here_total", "counter", "Commands that came where their entity is.", here
            ),
            Figure("cloudstate_cluster_commands_passed_on_total", "counter", "Commands sent to other members.", on),
            Figure("cloudstate_cluster_pending_commands", "gauge", "Commands on their way.", self._passing.pending),
            Figure("cloudstate_cluster_shards", "gauge", "Shards that this member serves.", node.served),
            Figure("cloudstate_cluster_members", "gauge", "Members that this one sees.", len(node.alive())),
        ]

    def serve(self, run: Execute, vacate: Vacate) -> None:
        """Say how entities that are here are served.

        Args:
            run: runs a command of an entity that is here; ``Router.unary``.
            vacate: has those entities, by id, leave memory whose shards leave.
        """
        self._run, self._empty = run, vacate

    async def join(self) -> None:
        """Join the cluster. Call ``serve`` first.

        Raises:
            EngineUnavailable: the engine cannot be reached.
        """
        await self._engine.listen(self._address(self.me), self._heard)
        await self.node.start()

    def is_mine(self, name: str) -> bool:
        """Whether this member is the one that does some work of the service that only one should do.

        It may be two for a moment, or nobody.
        """
        return self.node.holds(shard_of(name, self._setting.shards))

    async def leave(self, limit: float) -> None:
        """Hand everything over, for so many seconds at most, and leave. Commands are passed on meanwhile."""
        await self.node.leave(limit)

    def flush(self) -> None:
        """Send what is to go to other members now."""
        self._post.flush()

    # --- See ``Placement`` --------------------------------------------------------------------------------------------

    def is_here(self, entity_id: str) -> bool:
        """Whether this member is the one that may serve an entity now. Asked for each command that comes in here."""
        shard = shard_of(entity_id, self._setting.shards)
        if not self.node.holds(shard):
            return False
        self.here += 1
        self.node.nearness.counted(shard, self.me)
        return True

    def pass_on(self, entity_id: str, request: Request, is_repeatable: bool, done: Done) -> Callable[[], None]:
        """Have a command run where its entity is."""
        shard = shard_of(entity_id, self._setting.shards)
        return self._passing.pass_on(shard, entity_id, request, is_repeatable, done)

    # --- What other members say ---------------------------------------------------------------------------------------

    def _heard(self, data: bytes) -> None:
        for frame in frames.read(data):
            self._told(frame)

    def _told(self, frame: pb.Frame) -> None:
        match frame.WhichOneof("about"):
            case "call":
                self._called(frame.sender, frame.number, frame.call)
            case "cancelled":
                abandon = self._running.pop((frame.sender, frame.number), None)
                if abandon is not None:
                    abandon()
            case "asked":
                known = (frame.sender, frame.number) in self._running
                self._say(frame.sender, frame.number, "working" if known else "unknown")
            case _:
                self._passing.told(frame)

    def _called(self, sender: str, number: int, call: pb.Call) -> None:
        key = (sender, number)
        if key in self._running:
            return
        shard = shard_of(call.entity, self._setting.shards)
        if not self.node.holds(shard):
            self._say(sender, number, "refused")
            return
        self.node.nearness.counted(shard, sender)
        self._running[key] = None
        abandon = self._run(frames.called(call, asyncio.get_running_loop().time()), partial(self._ran, key))
        if key in self._running:
            self._running[key] = abandon

    def _ran(self, key: tuple[str, int], result: Result) -> None:
        if key not in self._running:
            return
        del self._running[key]
        sender, number = key
        frame = frames.result(self.me, number, result)
        if frame.ByteSize() > self._post.largest:
            text = (
                f"an answer of {frame.ByteSize()} bytes has to go to another member; the limit is {self._post.largest}"
            )
            frame = frames.result(self.me, number, Failure(text, StatusCode.RESOURCE_EXHAUSTED))
        self._post.send(sender, frame)

    def _say(self, member: str, number: int, about: str) -> None:
        self._post.send(member, frames.note(self.me, number, about))

    # --- What the node asks -------------------------------------------------------------------------------------------

    def _execute(self, request: Request, done: Done) -> Callable[[], None] | None:
        return self._run(request, done)

    def _shard_changed(self, shard: int) -> None:
        self._passing.shard_changed(shard)

    async def _vacate(self, shard: int) -> None:
        await self._empty(lambda entity_id: shard_of(entity_id, self._setting.shards) == shard)

    def _address(self, member: str) -> str:
        return f"{self._setting.service}.to.{member}"


def _too_early(request: Request, done: Done) -> None:
    done(Failure("this member has not joined its cluster yet; try again", StatusCode.UNAVAILABLE))


async def _nothing_to_vacate(leaves: Callable[[str], bool]) -> None:
    """There are no entities yet."""
