"""The queue before the stream: what waits is published at once, and answered when all of it is acknowledged.

Messages of one connection reach the stream in the order of their publication, so appends become durable in the order of
the calls. Two appends of one entity are never under way at once: the second has to expect the place of the first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from cloudstate.runtime.journal.errors import (
    AppendTooLarge,
    Fenced,
    JournalError,
    JournalUnavailable,
    WrongExpectedSequence,
)
from cloudstate.runtime.journal.jetstream.heads import Head, Heads, head_of
from cloudstate.runtime.journal.jetstream.record import LAST_WITHIN, encode, encode_answer, encode_snapshot, following
from cloudstate.runtime.journal.jetstream.settings import JetStreamSettings
from cloudstate.runtime.journal.jetstream.store import Publication, Refused, Store
from cloudstate.runtime.journal.jetstream.subjects import Subjects
from cloudstate.runtime.journal.limits import MAX_WINDOW, checked_size
from cloudstate.runtime.journal.port import Answer, Appended, AppendEvents, EntityKey, WriteValue

logger = logging.getLogger(__name__)

Append: TypeAlias = AppendEvents | WriteValue

#: How often an append is tried whose entity moved in a way that does not matter to it (a mark of its owner).
_ATTEMPTS = 3
#: Events of one append: their number is a part of their offsets. Each takes more than eight bytes.
_MOST_EVENTS = LAST_WITHIN
#: After so many answers of an entity, its old ones are forgotten.
_FORGET_EVERY = 500


class _Waiting(NamedTuple):
    append: Append
    done: Callable[[Appended], None]
    size: int


class Writer:
    """Writes what is submitted, in order.

    Args:
        find: reads an entity's head from the stream.
    """

    def __init__(
        self,
        settings: JetStreamSettings,
        store: Store,
        subjects: Subjects,
        heads: Heads,
        find: Callable[[EntityKey], asyncio.Future[Head]],
    ) -> None:
        self._settings = settings
        self._store = store
        self._subjects = subjects
        self._heads = heads
        self._find = find
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False
        self._copying: dict[EntityKey, asyncio.Task[None]] = {}

    def submit(self, append: Append, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        settings = self._settings
        try:
            size = checked_size(append, self._store.max_append)
            if len(self._waiting) >= settings.max_waiting or (
                self._waiting and self._waiting_bytes + size > settings.max_waiting_bytes
            ):
                reason = f"{len(self._waiting)} appends ({self._waiting_bytes} bytes) already wait for the journal"
                raise JournalUnavailable(reason, retry_safe=True)
        except JournalError as error:
            done(error)
            return
        self._waiting.append(_Waiting(append, done, size))
        self._waiting_bytes += size
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Write what waits. The caller sees to it that nothing is submitted any more."""
        while self._task is not None:
            await asyncio.wait({self._task})
        if self._copying:
            await asyncio.wait(self._copying.values())

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = self._take()
                results = await self._results([it.append for it in batch])
                self._log(results)
                for waiting, result in zip(batch, results, strict=True):
                    waiting.done(result)
        finally:
            self._task = None

    async def _results(self, appends: list[Append]) -> list[Appended]:
        try:
            return await self._write(appends)
        except Exception as error:  # a connection that dies in the middle has many ways to say so
            for append in appends:
                self._heads.forget(append.entity)
            reason = f"the journal {self._settings.where} failed: {error!r}"
            return [JournalUnavailable(reason, retry_safe=None) for _ in appends]

    def _take(self) -> list[_Waiting]:
        """The longest beginning of what waits that has each entity once."""
        seen: set[EntityKey] = set()
        for waiting in self._waiting[: self._settings.max_batch]:
            if waiting.append.entity in seen:
                break
            seen.add(waiting.append.entity)
        taken, self._waiting = self._waiting[: len(seen)], self._waiting[len(seen) :]
        self._waiting_bytes -= sum(it.size for it in taken)
        return taken

    async def _write(self, appends: list[Append]) -> list[Appended]:
        heads = await asyncio.gather(*(self._head(append.entity) for append in appends), return_exceptions=True)
        under_way: list[asyncio.Future[Appended]] = []
        for append, head in zip(appends, heads, strict=True):
            if isinstance(head, BaseException):
                result: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
                result.set_result(self._error(head))
                under_way.append(result)
            else:
                under_way.append(await self._publish(append, head))
        return await asyncio.gather(*under_way)

    async def _head(self, entity: EntityKey) -> Head:
        copying = self._copying.get(entity)
        if copying is not None:
            await asyncio.wait({copying})
        return self._heads.get(entity) or await self._find(entity)

    async def _publish(self, append: Append, head: Head) -> asyncio.Future[Appended]:
        """Publish an append; what follows if it does not fit goes on in the background."""
        try:
            acknowledged = await self._store.publish(self._fitting(append, head))
        except JournalError as error:
            failed: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
            failed.set_result(error)
            return failed
        return asyncio.ensure_future(self._result(append, head, acknowledged))

    async def _result(self, append: Append, head: Head, acknowledged: asyncio.Future[int]) -> Appended:
        entity = append.entity
        for attempt in range(_ATTEMPTS):
            try:
                place = await acknowledged
            except Refused:
                self._heads.forget(entity)
                try:
                    head = await self._find(entity)
                    verdict = _verdict(append, head)
                    if verdict is not None:
                        return verdict
                    if attempt == _ATTEMPTS - 1:
                        break
                    acknowledged = await self._store.publish(self._fitting(append, head))
                except JournalError as error:
                    return error
            except JournalError as error:
                self._heads.forget(entity)
                return error
            else:
                return self._written(append, head, place)
        return JournalUnavailable(f"`{entity.type}` entity `{entity.id}` is written elsewhere", retry_safe=True)

    def _written(self, append: Append, head: Head, place: int) -> int:
        if isinstance(append, WriteValue) or append.events:
            head = head_of(place, following(append, append.expected))
            self._heads.put(append.entity, head)
            if append.answer is not None:
                self._copying[append.entity] = asyncio.ensure_future(self._copy(append.entity, append.answer))
        if append.answer is not None and append.answer.number % _FORGET_EVERY == 0:
            # Nobody waits for it, and what goes wrong is tried again some answers later.
            forgetting = self._store.purge(self._subjects.answers(append.entity), MAX_WINDOW)
            asyncio.ensure_future(_quietly(forgetting))  # noqa: RUF006 - ends by its time-out
        return head.sequence

    async def _copy(self, entity: EntityKey, answer: Answer) -> None:
        """Nobody is told when it fails: the entity is read again before its next append, and that copies it."""
        try:
            await (await self._store.publish([copy_of(self._subjects, entity, answer)]))
        except Exception as error:  # a connection that dies in the middle has many ways to say so
            self._heads.forget(entity)
            logger.info("an answer will be copied later: %r", error)
        finally:
            del self._copying[entity]

    def _fitting(self, append: Append, head: Head) -> list[Publication]:
        """The messages of an append; each has to fit the server's ``max_payload``, with all that is around payloads."""
        messages = self._messages(append, head)
        size, limit = max(len(message.data) for message in messages), self._store.max_append
        if size > limit or (isinstance(append, AppendEvents) and len(append.events) > _MOST_EVENTS):
            type, id = append.entity
            raise AppendTooLarge(entity_type=type, entity_id=id, size=size, limit=min(limit, 8 * _MOST_EVENTS))
        return messages

    def _messages(self, append: Append, head: Head) -> list[Publication]:
        """The messages of an append. That the expectation fits the known head is the stream's to say.

        An append that does not fit what is known of its entity is published so that it is refused; then the entity is
        read, because what is known may be old.
        """
        subjects, entity = self._subjects, append.entity
        place = head.place if _verdict(append, head) is None else head.place + 2**40
        messages: list[Publication] = []
        if isinstance(append, WriteValue):
            data = encode(following(append, append.expected))
            messages.append(Publication(subjects.record(entity), data, place, replaces=True))
        elif append.events:
            record = following(append, append.expected)
            messages.append(Publication(subjects.record(entity), encode(record), place))
            if append.snapshot is not None:
                snapshot = encode_snapshot(record.sequence, append.snapshot, append.schema)
                messages.append(Publication(subjects.snapshot(entity), snapshot, replaces=True))
        elif append.answer is not None:
            alone = copy_of(subjects, entity, append.answer)
            messages.append(alone._replace(expected=place, of=subjects.record(entity)))
        return messages

    def _error(self, error: BaseException) -> JournalError:
        if isinstance(error, JournalError):
            return error
        return JournalUnavailable(f"the journal {self._settings.where} failed: {error!r}", retry_safe=True)

    def _log(self, results: list[Appended]) -> None:
        failed = [it for it in results if isinstance(it, JournalUnavailable)]
        if failed and not self._is_failing:
            logger.error("%d appends are refused, more may follow: %s", len(failed), failed[0])
        elif not failed and self._is_failing:
            logger.info("the journal %s can be written again", self._settings.where)
        self._is_failing = bool(failed)


def _verdict(append: Append, head: Head) -> JournalError | None:
    """What speaks against an append to an entity with this head; None: nothing."""
    fence = append.fence
    if fence is not None and head.shard == fence.shard and head.epoch > fence.epoch:
        return Fenced(shard=fence.shard, epoch=fence.epoch, actual=head.epoch)
    if append.expected != head.sequence:
        type, id = append.entity
        return WrongExpectedSequence(entity_type=type, entity_id=id, expected=append.expected, actual=head.sequence)
    return None


def copy_of(subjects: Subjects, entity: EntityKey, answer: Answer) -> Publication:
    """An answer's message; with the entity where its subject does not tell it."""
    data = encode_answer(answer, entity if subjects.hides(entity) else None)
    return Publication(subjects.answers(entity), data)


async def _quietly(work: object) -> None:
    try:
        await work  # type: ignore[misc]
    except JournalError as error:
        logger.warning("old answers could not be deleted: %s", error)
