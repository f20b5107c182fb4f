"""Consumers of event logs: in order, at least once, and past what nobody can handle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.eventing.attempts import ConsumerLimits
from cloudstate.runtime.eventing.bookkeeping import DeadLetters, Offset
from cloudstate.runtime.eventing.consumer import LogConsumer
from cloudstate.runtime.eventing.declared import Subscription
from cloudstate.runtime.eventing.deliver import CloudEvent, Undeliverable
from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    Journal,
    MemoryJournal,
    WriteValue,
    WrongExpectedSequence,
)
from cloudstate.runtime.journal.port import Appended
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Payload

ADDED = PROTOBUF_PREFIX + "shop.Added"
CARTS = Subscription("shop.Mail", "shop.Mail", "cart", False, {})
QUICK = ConsumerLimits(page=3, attempts=3, first_pause=0.001, longest_pause=0.004, idle=0.001, look_around=0.005)
PATIENCE = 10.0


class Subscriber:
    """Hears events, and fails as often as the test says."""

    def __init__(self) -> None:
        self.heard: list[CloudEvent] = []
        self.attempts: list[str] = []
        self.fails: Callable[[CloudEvent, int], StatusCode | None] = lambda event, attempt: None
        self._changed = asyncio.Condition()

    async def deliver(self, event: CloudEvent) -> None:
        self.attempts.append(event.id)
        status = self.fails(event, self.attempts.count(event.id))
        if status is None:
            self.heard.append(event)
        async with self._changed:
            self._changed.notify_all()
        if status is not None:
            raise Undeliverable("not now", status)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(condition)


@asynccontextmanager
async def consuming(journal: Journal, deliver: Callable[[CloudEvent], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(LogConsumer(CARTS, journal, deliver, QUICK).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def add(journal: Journal, id: str, first: int, count: int, type: str = "cart") -> None:
    payloads = tuple(Payload(ADDED, f"{n}".encode()) for n in range(first, first + count))
    await journal.append(AppendEvents(EntityKey(type, id), first, payloads))


@pytest.fixture
def journal() -> Journal:
    return MemoryJournal(SystemClock())


async def test_events_come_in_order_with_their_attributes(journal: Journal) -> None:
    subscriber = Subscriber()
    await add(journal, "ann", 0, 4)
    await add(journal, "eve", 0, 1, type="other")
    async with consuming(journal, subscriber.deliver):
        await add(journal, "bob", 0, 3)
        await subscriber.until(lambda: len(subscriber.heard) == 7)
    assert [event.id for event in subscriber.heard] == ["ann/1", "ann/2", "ann/3", "ann/4", "bob/1", "bob/2", "bob/3"]
    first = subscriber.heard[0]
    assert (first.source, first.type, first.subject, first.data) == ("cart", "shop.Added", "ann", Payload(ADDED, b"0"))
    assert first.time > 1_600_000_000


async def test_what_was_handled_is_not_delivered_again_after_a_restart(journal: Journal) -> None:
    subscriber = Subscriber()
    await add(journal, "ann", 0, 3)
    async with consuming(journal, subscriber.deliver):
        await subscriber.until(lambda: len(subscriber.heard) == 3)
        await saved(journal, 3)
    await add(journal, "ann", 3, 1)
    async with consuming(journal, subscriber.deliver):
        await subscriber.until(lambda: len(subscriber.heard) == 4)
    assert [event.id for event in subscriber.heard] == ["ann/1", "ann/2", "ann/3", "ann/4"]


async def saved(journal: Journal, value: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            offset = Offset(journal, CARTS.name, "")
            await offset.load()
            if offset.value == value:
                return
            await asyncio.sleep(0)


async def test_an_event_that_fails_is_tried_again_before_the_next(journal: Journal) -> None:
    subscriber = Subscriber()
    subscriber.fails = lambda event, attempt: StatusCode.UNKNOWN if event.id == "ann/1" and attempt < 3 else None
    await add(journal, "ann", 0, 2)
    async with consuming(journal, subscriber.deliver):
        await subscriber.until(lambda: len(subscriber.heard) == 2)
    assert subscriber.attempts == ["ann/1", "ann/1", "ann/1", "ann/2"]


async def test_an_event_that_nobody_can_handle_is_put_aside(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    subscriber = Subscriber()
    subscriber.fails = lambda event, attempt: StatusCode.INTERNAL if event.id == "ann/1" else None
    await add(journal, "ann", 0, 2)
    async with consuming(journal, subscriber.deliver):
        await subscriber.until(lambda: len(subscriber.heard) == 1)
    dead = DeadLetters(journal, CARTS.name)
    await dead.load()
    [letter] = dead.letters.values()
    assert (letter.number, letter.id, letter.reason, letter.attempts) == (1, "ann/1", "not now", 3)
    assert letter.event().data == Payload(ADDED, b"0")
    assert "event" not in caplog.text or "ann/1 is a dead letter (number 1) after 3 attempts: not now" in caplog.text


async def test_what_nobody_has_thought_of_counts_as_an_attempt(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    over = asyncio.Event()

    async def deliver(event: CloudEvent) -> None:
        heard.append(event.id)
        if event.id == "ann/1":
            raise ZeroDivisionError("of all things")
        over.set()

    await add(journal, "ann", 0, 2)
    async with consuming(journal, deliver):
        await asyncio.wait_for(over.wait(), PATIENCE)
    assert heard == ["ann/1", "ann/1", "ann/1", "ann/2"]
    dead = DeadLetters(journal, CARTS.name)
    await dead.load()
    assert [letter.reason for letter in dead.letters.values()] == ["ZeroDivisionError: of all things"]
    assert "of all things" in caplog.text


async def test_a_subscriber_that_is_away_is_waited_for(journal: Journal) -> None:
    subscriber = Subscriber()
    subscriber.fails = lambda event, attempt: StatusCode.UNAVAILABLE if attempt < 10 else None
    await add(journal, "ann", 0, 1)
    async with consuming(journal, subscriber.deliver):
        await subscriber.until(lambda: len(subscriber.heard) == 1)
    assert len(subscriber.attempts) == 10
    dead = DeadLetters(journal, CARTS.name)
    await dead.load()
    assert not dead.letters


async def test_a_dead_letter_is_tried_again_when_somebody_asks(journal: Journal) -> None:
    subscriber = Subscriber()
    is_mended = False
    subscriber.fails = lambda event, attempt: None if is_mended else StatusCode.INTERNAL
    await add(journal, "ann", 0, 1)
    async with consuming(journal, subscriber.deliver):
        await subscriber.until(lambda: len(subscriber.attempts) == 3)
        dead = DeadLetters(journal, CARTS.name)
        async with asyncio.timeout(PATIENCE):
            while not dead.letters:
                await dead.load()
                await asyncio.sleep(0)
        is_mended = True
        await dead.ask_again(1)
        await subscriber.until(lambda: len(subscriber.heard) == 1)
    await dead.load()
    assert not dead.wanted


async def test_only_one_process_tries_dead_letters_again(journal: Journal) -> None:
    dead = DeadLetters(journal, CARTS.name)
    await dead.bury(CloudEvent("ann/1", "cart", "shop.Added", Payload(ADDED, b"0")), "why", 3)
    await dead.ask_again(1)
    subscriber, asked, twice = Subscriber(), list[str](), asyncio.Event()

    def is_mine(work: str) -> bool:
        asked.append(work)
        if asked.count(f"{CARTS.name} dead letters") == 2:
            twice.set()
        return False

    other = asyncio.create_task(LogConsumer(CARTS, journal, subscriber.deliver, QUICK, is_mine).run())
    await asyncio.wait_for(twice.wait(), PATIENCE)
    assert not subscriber.attempts
    async with consuming(journal, subscriber.deliver):
        await subscriber.until(lambda: len(subscriber.heard) == 1)
    other.cancel()
    await asyncio.wait({other})


async def test_a_dead_letter_that_fails_again_stays(journal: Journal) -> None:
    dead = DeadLetters(journal, CARTS.name)
    letter = await dead.bury(CloudEvent("ann/1", "cart", "shop.Added", Payload(ADDED, b"0")), "why", 3)
    await dead.ask_again(1)
    await dead.failed_again(letter, "still not")
    again = DeadLetters(journal, CARTS.name)
    await again.load()
    [left] = again.letters.values()
    assert (left.number, left.attempts, left.reason, again.wanted) == (2, 4, "still not", set())


class CountingJournal(MemoryJournal):
    """Knows how many events each append had."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.appends: list[int] = []

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        self.appends.append(len(append.events) if isinstance(append, AppendEvents) else 0)
        super().submit(append, done)


async def test_a_dead_letter_is_replaced_at_once() -> None:
    """If the old one went first, a crash before the next write would lose the message."""
    journal = CountingJournal()
    dead = DeadLetters(journal, CARTS.name)
    letter = await dead.bury(CloudEvent("ann/1", "cart", "shop.Added", Payload(ADDED, b"0")), "why", 3)
    await dead.failed_again(letter, "still not")
    assert journal.appends == [1, 2]


async def test_two_consumers_that_do_the_same_work_are_told_apart(journal: Journal) -> None:
    first, second = Offset(journal, CARTS.name, ""), Offset(journal, CARTS.name, "")
    await first.load()
    await second.load()
    await first.save(5)
    with pytest.raises(WrongExpectedSequence):
        await second.save(3)
