"""The table as it changes: everything there is, then every change, across whatever may break.

A consumer of the stream pushes its messages to us, numbered without gaps, and says regularly that it is there. When a
number is missing, or it is silent, it is thrown away for a new one. The new one's messages are held back until they
are the whole table; then all are told, and what is no longer among them as deleted.

**Whoever has been told of a change has been told of all before it.** The stream forgets a change when the same record
changes again, so a consumer that is behind leaves it out, and tells the newer one later than others that lie between.
Its messages are held back from there until the newer one must have come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import uuid4

from nats.aio.msg import Msg

from cloudstate.runtime.cluster.engine import EngineUnavailable, Entry
from cloudstate.runtime.cluster.nats_engine.bucket import Bucket, ask, is_deletion
from cloudstate.runtime.cluster.nats_engine.connection import Connection
from cloudstate.runtime.cluster.nats_engine.link import Link

logger = logging.getLogger(__name__)

#: Seconds between a consumer's messages at the most, and how many of those may pass in silence until it counts as gone.
_HEARTBEAT, _SILENT = 0.25, 5
#: Seconds that a replica gets to come up to what was told before; if it does not, that is lost.
_LAG = 1.5
#: Seconds until everything has to be told again, and until the next attempt if it is not.
_PATIENCE, _PAUSE = 10.0, 0.2
_NO_STREAM = 10059


class Watch:
    """Tells one watcher."""

    def __init__(self, link: Link, bucket: Bucket, changed: Callable[[Entry], None]) -> None:
        self._link = link
        self._bucket = bucket
        self._changed = changed
        self._told: dict[str, int] = {}  # the records that are not deleted
        self._highest = 0
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Tell everything; from then on, every change.

        Raises:
            EngineUnavailable: that is not possible now.
        """
        feed = await self._begun(None)
        self._task = asyncio.get_running_loop().create_task(self._keep(feed))

    async def close(self) -> None:
        """Tell nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _keep(self, feed: _Feed) -> None:
        while True:
            try:
                reason = await feed.until_broken()
            finally:
                await feed.end()
            logger.info("the table of the cluster is read anew: %s", reason)
            feed = await self._again()

    async def _again(self) -> _Feed:
        while True:
            try:
                return await self._begun(_PATIENCE)
            except EngineUnavailable as error:
                logger.info("the table of the cluster cannot be read: %s", error)
            await asyncio.sleep(_PAUSE)

    async def _begun(self, limit: float | None) -> _Feed:
        """A feed that has told everything, within a time limit."""
        async with self._link.connection(limit) as connection:
            feed = _Feed(connection, self._bucket, self._highest, self._whole, self._tell)
            try:
                await feed.begin()
            except BaseException:
                await feed.end()
                raise
            return feed

    def _whole(self, entries: list[Entry]) -> None:
        """Tell the whole table."""
        self._highest = max((entry.revision for entry in entries), default=self._highest)
        here = {entry.key for entry in entries}
        for key in [key for key in self._told if key not in here]:
            self._tell(Entry(key, b"", self._highest))
        for entry in entries:
            self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        if entry.value:
            self._told[entry.key] = entry.revision
            self._bucket.deleted.pop(entry.key, None)
        else:
            self._told.pop(entry.key, None)
            self._bucket.deleted[entry.key] = entry.revision
        self._highest = max(self._highest, entry.revision)
        try:
            self._changed(entry)
        except Exception:  # it must not end the others
            logger.exception("the record `%s` made trouble", entry.key)


class _Place(NamedTuple):
    """Where a consumer is: messages that it has sent, and the last one's number in the stream."""

    sent: int
    last: int


def _place_of(reply: str) -> tuple[_Place, int]:
    """Where a consumer is with a message, and how many wait behind it: its reply subject says so.

    It is taken apart here because the client's way takes five times as long, most of it for the time of day.
    """
    fields = reply.split(".")
    first = 5 if len(fields) == 9 else 7  # a domain and an account may come before
    return _Place(int(fields[first + 1]), int(fields[first])), int(fields[first + 3])


class _Feed:
    """One consumer of the stream.

    Args:
        highest: the revision up to which everything was told before.
        whole: told all records there are, once.
        tell: told every change after that.
    """

    def __init__(
        self,
        connection: Connection,
        bucket: Bucket,
        highest: int,
        whole: Callable[[list[Entry]], None],
        tell: Callable[[Entry], None],
    ) -> None:
        self._connection = connection
        self._bucket = bucket
        self._highest = highest
        self._tell = tell
        self._tell_whole = whole
        self._name = uuid4().hex
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._heard = 0
        self._place = _Place(0, 0)
        self._held: dict[str, Entry] = {}
        self._owed = 1  # messages that may have to come before what is held is the table at one time; not less
        self._complete: asyncio.Future[None] = self._loop.create_future()
        self._broken: asyncio.Future[str] = self._loop.create_future()
        self._unsubscribe: Callable[[], Awaitable[None]] | None = None

    async def begin(self) -> None:
        """Have everything told.

        Raises:
            EngineUnavailable: it cannot be.
        """
        inbox = self._connection.new_inbox()
        self._unsubscribe = await self._connection.subscribe(inbox, self._hear)
        await self._create(inbox)
        waiting: set[asyncio.Future[Any]] = {self._complete, self._broken, self._connection.lost}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not self._complete.done():
            raise EngineUnavailable(self._broken.result() if self._broken.done() else "the connection is lost")

    async def until_broken(self) -> str:
        """Come back when nothing can be relied on any more; says why."""
        waiting: set[asyncio.Future[Any]] = {self._broken, self._connection.lost}
        silent, heard = 0, self._heard
        while not (await asyncio.wait(waiting, timeout=_HEARTBEAT, return_when=asyncio.FIRST_COMPLETED))[0]:
            # Counted, not measured: if we were held up ourselves, there is something to be read now.
            silent, heard = (silent + 1 if heard == self._heard else 0), self._heard
            if silent >= _SILENT:
                return "the consumer is silent"
        return self._broken.result() if self._broken.done() else "the connection was lost"

    async def end(self) -> None:
        """Hear nothing any more; the server takes the consumer away when it sees that nobody listens."""
        self._break("it has ended")
        if self._unsubscribe is not None:
            await self._unsubscribe()

    async def _create(self, inbox: str) -> None:
        everything = f"{self._bucket.prefix}>"
        wanted = {
            "stream_name": self._bucket.stream,
            "config": {
                "name": self._name,
                "deliver_subject": inbox,
                "deliver_policy": "last_per_subject",
                "filter_subject": everything,
                "ack_policy": "none",
                "max_deliver": 1,
                "mem_storage": True,
                "num_replicas": 1,
                "idle_heartbeat": int(_HEARTBEAT * 1e9),
                "inactive_threshold": int(10 * 1e9),
            },
        }
        what = f"CONSUMER.CREATE.{self._bucket.stream}.{self._name}.{everything}"
        made = await ask(self._connection, what, wanted, _NO_STREAM)
        if made is None:
            await self._bucket.make(self._connection)
            made = await ask(self._connection, what, wanted)
        if made.get("num_pending", 1) == 0:
            self._release()

    def _hear(self, message: Msg) -> None:
        if self._broken.done():
            return
        self._heard += 1
        status = (message.headers or {}).get("Status")
        if status is None:
            self._hear_record(message)
        elif status != "100":
            self._break(f"the consumer ended (status {status})")
        elif int((message.headers or {}).get("Nats-Last-Consumer", self._place.sent)) != self._place.sent:
            self._break("messages are missing")
        else:
            self._release()

    def _hear_record(self, message: Msg) -> None:
        place, behind = _place_of(message.reply)
        if place.sent != self._place.sent + 1:
            self._break("messages are missing")
            return
        is_next = place.last == self._place.last + 1
        self._owed = 0 if behind == 0 else max(self._owed - 1, 0 if is_next else behind)
        self._place = place
        key = message.subject.removeprefix(self._bucket.prefix)
        deleted = message.headers is not None and is_deletion(message.headers.get("KV-Operation", ""))
        self._held[key] = Entry(key, b"" if deleted else message.data, place.last)
        if self._owed == 0:
            self._release()

    def _release(self) -> None:
        """Tell what is held: it is, with what was told, the table at one time. Of one replica, which may lag behind."""
        if self._place.last < self._highest and self._loop.time() - self._begun < _LAG:
            return
        held, self._held = sorted(self._held.values(), key=lambda entry: entry.revision), {}
        self._owed = 0
        if self._complete.done():
            for entry in held:
                self._tell(entry)
        else:
            self._tell_whole(held)
            self._complete.set_result(None)

    def _break(self, reason: str) -> None:
        if not self._broken.done():
            self._broken.set_result(reason)
