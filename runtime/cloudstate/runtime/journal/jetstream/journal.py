"""The JetStream journal: its parts, and reading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import Fenced, JournalInvalid, JournalUnavailable
from cloudstate.runtime.journal.jetstream.heads import NOTHING, Head, Heads, head_of
from cloudstate.runtime.journal.jetstream.record import (
    LAST_WITHIN,
    WITHIN,
    Kind,
    Record,
    decode,
    decode_answer,
    decode_epoch,
    decode_key,
    decode_snapshot,
    encode,
    encode_epoch,
)
from cloudstate.runtime.journal.jetstream.settings import JetStreamSettings
from cloudstate.runtime.journal.jetstream.store import Publication, Refused, Store, Stored
from cloudstate.runtime.journal.jetstream.subjects import Subjects, plain
from cloudstate.runtime.journal.jetstream.writer import Writer, copy_of
from cloudstate.runtime.journal.port import (
    Answer,
    Appended,
    AppendEvents,
    EntityKey,
    Event,
    Fence,
    History,
    Journal,
    Logged,
    Page,
    Snapshot,
    Value,
    WriteValue,
)

#: Messages that are read at a time.
_SLICE = 500
#: Times that a replica is asked again which has not got everything yet, and seconds between.
_PATIENCE, _PAUSE = 20, 0.05
_ATTEMPTS = 10
#: Entities that are looked at together.
_AT_ONCE = 64


class JetStreamJournal(Journal):
    """Entities in a stream. What is acknowledged is stored by a majority of its replicas; see the package on syncing.

    Args:
        clock: not needed, the servers note the time; here because every journal is made alike.
    """

    def __init__(self, settings: JetStreamSettings, clock: Clock) -> None:
        self._settings = settings
        self._store = Store(settings)
        self._subjects = Subjects(settings.stream)
        self._heads = Heads(settings.max_heads)
        self._writer: Writer | None = None

    async def open(self) -> None:
        """See ``Journal.open``."""
        await self._store.open()
        self._writer = Writer(self._settings, self._store, self._subjects, self._heads, self._found)

    async def close(self) -> None:
        """See ``Journal.close``."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
            await self._store.close()

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        if self._writer is None:
            done(self._closed())
        else:
            self._writer.submit(append, done)

    # --- Reading ------------------------------------------------------------------------------------------------------

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        for _ in range(_ATTEMPTS):
            head, record, answers = await self._entered(entity, window, fence)
            if record is None:
                return History(None, [], 0, answers)
            if record.kind is Kind.VALUE:
                state = None if record.value is None else Snapshot(record.sequence, record.value)
                return History(state, [], record.sequence, answers)
            snapshot, first = await self._snapshot(entity, schema)
            if snapshot is None or snapshot.sequence <= head.sequence:
                snapshot, events = await self._events_upto(entity, head, snapshot, first)
                return History(snapshot, events, head.sequence, answers)
        raise self._busy(entity)

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        head, record, answers = await self._entered(entity, window, fence)
        if record is None or record.kind is Kind.VALUE or not head.sequence:
            return Value(None if record is None else record.value, head.sequence, answers)
        snapshot, _ = await self._snapshot(entity, None)
        return Value(None if snapshot is None else snapshot.payload, head.sequence, answers)

    async def _entered(
        self, entity: EntityKey, window: int, fence: Fence | None
    ) -> tuple[Head, Record | None, tuple[Answer, ...]]:
        """An entity's last message and its answers, after its fence is in it."""
        if self._writer is None:
            raise self._closed()
        if fence is not None:
            await self._check_epoch(fence)
        for _ in range(_ATTEMPTS):
            head, record = await self._last(entity)
            if fence is not None and (head.shard, head.epoch) != fence:
                if head.shard == fence.shard and head.epoch > fence.epoch:
                    raise Fenced(shard=fence.shard, epoch=fence.epoch, actual=head.epoch)
                await self._copied(entity, record)
                marked = await self._mark(entity, head, record, fence)
                if marked is None:
                    continue
                head = marked
            answers, newest = await self._answers(entity, window) if window else ((), 0)
            own = None if record is None else record.answer
            # An answer that is newer may belong to a change that is newer: a history has both or neither.
            is_fitting = newest <= head.place or (own is not None and answers[-1:] == (own,))
            if is_fitting or (await self._last(entity))[0].place == head.place:
                if own is None or _is_copied(own, answers[-1] if answers else None):
                    self._heads.put(entity, head)
                elif window:
                    answers = (*answers, own)[-window:]
                return head, record, answers
        raise self._busy(entity)

    async def _mark(self, entity: EntityKey, head: Head, record: Record | None, fence: Fence) -> Head | None:
        """Leave the owner's mark, so that nobody older fits any more; None: the entity has moved."""
        if record is not None and record.kind is Kind.VALUE:
            mark = Record(Kind.VALUE, entity, head.sequence, fence.shard, fence.epoch, (), record.value)
        else:
            mark = Record(Kind.MARK, entity, head.sequence, fence.shard, fence.epoch)
        subject = self._subjects.record(entity)
        try:
            # One mark is enough where nothing was written: such an entity has one message.
            replaces = mark.kind is Kind.VALUE or head.sequence == 0
            message = Publication(subject, encode(mark), head.place, replaces)
            place = await (await self._store.publish([message]))
        except Refused:
            return None
        marked = head_of(place, mark)
        self._heads.put(entity, marked)
        return marked

    async def _check_epoch(self, fence: Fence) -> None:
        subject = self._subjects.epoch(fence.shard)
        stored = await self._store.last(subject)
        epoch = 0 if stored is None else decode_epoch(stored.data, subject)
        if epoch > fence.epoch:
            raise Fenced(shard=fence.shard, epoch=fence.epoch, actual=epoch)

    def _found(self, entity: EntityKey) -> asyncio.Future[Head]:
        return asyncio.ensure_future(self._head(entity))

    async def _head(self, entity: EntityKey) -> Head:
        head, record = await self._last(entity)
        await self._copied(entity, record)
        self._heads.put(entity, head)
        return head

    async def _copied(self, entity: EntityKey, record: Record | None) -> None:
        """See to it that the answer of an entity's last message is among its answers, before another is last."""
        answer = None if record is None else record.answer
        if answer is None:
            return
        subject = self._subjects.answers(entity)
        stored = await self._store.last(subject)
        if not _is_copied(answer, None if stored is None else decode_answer(stored.data, subject)):
            await (await self._store.publish([copy_of(self._subjects, entity, answer)]))

    async def _last(self, entity: EntityKey) -> tuple[Head, Record | None]:
        subject = self._subjects.record(entity)
        stored = await self._store.last(subject)
        if stored is None:
            head, record = NOTHING, None
        else:
            record = decode(stored.data, subject)
            head = head_of(stored.place, record)
        return head, record

    async def _snapshot(self, entity: EntityKey, schema: str | None) -> tuple[Snapshot | None, int]:
        """The newest snapshot, if it has this schema, and the place in the stream to read on from."""
        subject = self._subjects.snapshot(entity)
        found = await self._store.messages(subject, 1, 1)
        if not found:
            return None, 1
        sequence, stored, payload = decode_snapshot(found[0].data, subject)
        if schema not in (None, stored):
            return None, 1
        return Snapshot(sequence, payload), found[0].place + 1

    async def _events_upto(
        self, entity: EntityKey, head: Head, snapshot: Snapshot | None, first: int
    ) -> tuple[Snapshot | None, list[Event]]:
        """The events up to the head; from a replica, which may need a moment."""
        subject, events = self._subjects.record(entity), list[Event]()
        base = 0 if snapshot is None else snapshot.sequence
        waits = 0
        while base + len(events) < head.sequence:
            found = await self._store.messages(subject, first, _SLICE)
            for stored in found:
                first = stored.place + 1
                if stored.place > head.place:
                    break
                record = decode(stored.data, subject)
                if record.kind is Kind.VALUE:
                    snapshot = None if record.value is None else Snapshot(record.sequence, record.value)
                    base, events = record.sequence, []
                    continue
                begin = record.sequence - len(record.events)
                if begin != base + len(events):
                    raise self._damaged(entity, f"event {base + len(events) + 1} is missing")
                events += (Event(begin + n, payload) for n, payload in enumerate(record.events, 1))
            if not found:
                waits += 1
                if waits > _PATIENCE:
                    raise self._damaged(entity, f"event {base + len(events) + 1} is missing")
                await asyncio.sleep(_PAUSE)
        return snapshot, events

    async def _answers(self, entity: EntityKey, window: int) -> tuple[tuple[Answer, ...], int]:
        """The newest answers, and the place of the last of them."""
        subject = self._subjects.answers(entity)
        newest = await self._store.last(subject)
        if newest is None:
            return (), 0
        found: list[Stored] = []
        first, waits = 1, 0
        while not found or found[-1].place < newest.place:
            more = await self._store.messages(subject, first, _SLICE)
            if more:
                found += more
                first = more[-1].place + 1
                continue
            waits += 1
            if waits > _PATIENCE:
                raise JournalUnavailable("a replica of the journal lags behind", retry_safe=True)
            await asyncio.sleep(_PAUSE)
        answers = [decode_answer(stored.data, subject) for stored in found if stored.place <= newest.place]
        once = sorted(dict.fromkeys(answers), key=lambda answer: answer.number)  # some were copied twice
        return tuple(once[-window:]), newest.place

    # --- Shards -------------------------------------------------------------------------------------------------------

    async def take_over(self, shard: str) -> Fence:
        """See ``Journal.take_over``."""
        subject = self._subjects.epoch(shard)
        while True:  # each round that fails is somebody else's success
            stored = await self._store.last(subject)
            epoch = 1 if stored is None else decode_epoch(stored.data, subject) + 1
            place = 0 if stored is None else stored.place
            message = Publication(subject, encode_epoch(shard, epoch), place, replaces=True)
            try:
                await (await self._store.publish([message]))
            except Refused:
                continue
            return Fence(shard, epoch)

    # --- The log ------------------------------------------------------------------------------------------------------

    async def partitions(self) -> list[str]:
        """See ``Journal.partitions``: one."""
        if self._writer is None:
            raise self._closed()
        return [""]

    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """See ``Journal.read``."""
        if partition:
            return Page([], after)
        begin, within = after >> WITHIN, after & LAST_WITHIN
        first = begin if within != LAST_WITHIN else begin + 1
        events: list[Logged] = []
        upto = after
        for stored in await self._store.messages(self._subjects.records, first, min(limit, _SLICE)):
            record = decode(stored.data, stored.subject)
            upto = max(upto, stored.place << WITHIN | LAST_WITHIN)
            if types is not None and record.entity.type not in types:
                continue
            new = [logged for logged in _logged(stored, record) if logged.offset > after]
            room = limit - len(events)
            events += new[:room]
            if len(new) > room or len(events) == limit:
                whole = len(new) <= room
                return Page(events, upto if whole else events[-1].offset)
        return Page(events, upto)

    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """See ``Journal.events``."""
        subject, first, found = self._subjects.record(entity), 1, list[Logged]()
        while len(found) < limit:
            messages = await self._store.messages(subject, first, _SLICE)
            if not messages:
                break
            first = messages[-1].place + 1
            for stored in messages:
                record = decode(stored.data, subject)
                found += (logged for logged in _logged(stored, record) if logged.sequence > after)
        return found[:limit]

    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """See ``Journal.entities``. All of the type are looked at: it is for people's tools."""
        written: dict[str, bool] = {}
        for filter in (self._subjects.records_of(type), self._subjects.answers_of(type)):
            for subject, count in (await self._store.subjects(filter)).items():
                id = plain(subject.rpartition(".")[2])
                if id is None:
                    id = (await self._key(subject)).id
                # A single message may be the mark of an owner that has loaded it, and nothing was ever written.
                written[id] = written.get(id, False) or count > 1 or filter != self._subjects.records_of(type)
        keys = [EntityKey(type, id) for id in sorted(written) if after is None or id > after]
        found: list[EntityKey] = []
        while keys and len(found) < limit:
            some, keys = keys[:_AT_ONCE], keys[_AT_ONCE:]
            are = await asyncio.gather(*(self._is_written(key) for key in some if not written[key.id]))
            certain = iter(are)
            found += (key for key in some if written[key.id] or next(certain))
        return found[:limit]

    async def _is_written(self, entity: EntityKey) -> bool:
        subject = self._subjects.record(entity)
        stored = await self._store.last(subject)
        return stored is not None and decode(stored.data, subject).sequence > 0

    async def types(self) -> list[str]:
        """See ``Journal.types``. All entities are looked at: it is for people's tools."""
        found: dict[str, str] = {}
        for filter in (self._subjects.records, self._subjects.all_answers):
            for subject in await self._store.subjects(filter):
                found.setdefault(subject.split(".")[2], subject)
        names = set()
        for token, subject in found.items():
            name = plain(token)
            names.add(name if name is not None else (await self._key(subject)).type)
        return sorted(names)

    async def _key(self, subject: str) -> EntityKey:
        stored = await self._store.last(subject)
        if stored is None:
            raise JournalUnavailable("an entity was deleted while it was looked for", retry_safe=True)
        return decode_key(stored.data, subject)

    def _damaged(self, entity: EntityKey, what: str) -> JournalInvalid:
        return JournalInvalid(
            f"`{entity.type}` entity `{entity.id}`: its history in {self._settings.where} is damaged: {what}; "
            "restore the stream from a backup"
        )

    def _busy(self, entity: EntityKey) -> JournalUnavailable:
        return JournalUnavailable(f"`{entity.type}` entity `{entity.id}` is written elsewhere", retry_safe=True)

    def _closed(self) -> JournalUnavailable:
        return JournalUnavailable(f"the journal {self._settings.where} is closed", retry_safe=True)


def _is_copied(answer: Answer, newest: Answer | None) -> bool:
    """Whether an answer of a record is among the entity's answers: they are in the order of their numbers."""
    return newest is not None and (newest == answer or newest.number > answer.number)


def _logged(stored: Stored, record: Record) -> list[Logged]:
    begin = record.sequence - len(record.events)
    return [
        Logged(stored.place << WITHIN | n, record.entity, begin + n, payload, stored.time)
        for n, payload in enumerate(record.events, 1)
    ]
