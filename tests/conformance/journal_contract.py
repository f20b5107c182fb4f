"""What every journal promises, as one suite: ``port.Journal`` put to the test.

A journal joins by a fixture ``place`` (see ``test_journals``). The suite asks for no more than the port does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from tests.conformance.journal_places import Place

from cloudstate.runtime.journal import (
    AppendEvents,
    AppendTooLarge,
    EntityKey,
    Event,
    History,
    Journal,
    JournalError,
    JournalUnavailable,
    Snapshot,
    Value,
    WriteValue,
    WrongExpectedSequence,
)
from cloudstate.runtime.payload import Payload

CART = EntityKey("shopping-cart", "alice")
WALLET = EntityKey("wallet", "alice")

#: Payloads up to this size fit into every journal of the suite; its limit is LIMIT.
LARGE = 1024 * 1024
LIMIT = 4 * LARGE

ODD_IDS = [
    "",
    " ",
    "a/b|c:d",
    "'; DROP TABLE event; --",
    "%",
    "ALICE",
    "nul\0inside",
    "nul\0",
    "\n\t",
    "Zoë",
    "Zoe\u0308",
    "日本語",
    "🛒" * 10,
    "x" * 10_000,
    "x" * 9_999 + "y",
]


async def now_and_reopened(place: Place) -> AsyncIterator[Journal]:
    """The journal as it is, then what is left of it after closing."""
    yield place.journal
    yield await place.reopen()


def event(text: str = "", kind: str = "ItemAdded") -> Payload:
    """An event whose content is the text."""
    return Payload(f"type.googleapis.com/com.example.{kind}", text.encode())


def events(*texts: str) -> tuple[Payload, ...]:
    return tuple(event(text) for text in texts)


def state(text: str) -> Payload:
    return event(text, "State")


def texts(history: History) -> list[str]:
    return [event.payload.value.decode() for event in history.events]


class JournalContract:
    """The suite. Names of tests are sentences about journals."""

    # Event-sourced entities.

    async def test_unknown_entity_has_an_empty_history(self, journal: Journal) -> None:
        assert await journal.load(CART) == History(None, [], 0)

    async def test_appended_event_is_loaded(self, journal: Journal) -> None:
        assert await journal.append(AppendEvents(CART, 0, events("pen"))) == 1
        assert await journal.load(CART) == History(None, [Event(1, event("pen"))], 1)

    async def test_sequence_counts_events(self, journal: Journal) -> None:
        assert await journal.append(AppendEvents(CART, 0, events("a", "b", "c"))) == 3
        assert await journal.append(AppendEvents(CART, 3, events("d"))) == 4
        history = await journal.load(CART)
        assert [event.sequence for event in history.events] == [1, 2, 3, 4]
        assert texts(history) == ["a", "b", "c", "d"]

    async def test_equal_events_of_one_append_are_all_kept(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a", "a", "a")))
        assert texts(await journal.load(CART)) == ["a", "a", "a"]

    async def test_type_urls_are_kept_with_their_events(self, journal: Journal) -> None:
        mixed = (event("1", "ItemAdded"), event("2", "ItemRemoved"), event("3", "ItemAdded"), Payload("", b"raw"))
        await journal.append(AppendEvents(CART, 0, mixed))
        assert tuple(event.payload for event in (await journal.load(CART)).events) == mixed

    async def test_payload_may_be_empty(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("")))
        assert (await journal.load(CART)).events == [Event(1, event(""))]

    async def test_payload_may_be_any_bytes(self, journal: Journal) -> None:
        every = Payload("type.googleapis.com/x", bytes(range(256)))
        await journal.append(AppendEvents(CART, 0, (every,), every))
        await journal.append(AppendEvents(CART, 1, (every,)))
        history = await journal.load(CART)
        assert history.snapshot == Snapshot(1, every)
        assert history.events == [Event(2, every)]

    async def test_loaded_payloads_are_bytes(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), state("s")))
        await journal.append(AppendEvents(CART, 1, events("b")))
        history = await journal.load(CART)
        assert history.snapshot is not None
        assert type(history.snapshot.payload.value) is bytes
        assert type(history.events[0].payload.value) is bytes

    async def test_append_without_events_is_a_mistake_of_the_caller(self, journal: Journal) -> None:
        with pytest.raises(ValueError, match="at least one event"):
            await journal.append(AppendEvents(CART, 0, ()))
        assert (await journal.load(CART)).sequence == 0

    # The expected sequence.

    async def test_new_entity_expects_zero(self, journal: Journal) -> None:
        with pytest.raises(WrongExpectedSequence) as raised:
            await journal.append(AppendEvents(CART, 1, events("a")))
        assert (raised.value.expected, raised.value.actual) == (1, 0)
        assert await journal.load(CART) == History(None, [], 0)

    @pytest.mark.parametrize("expected", [0, 1, 3, -1, 1_000_000])
    async def test_wrong_expected_sequence_writes_nothing(self, journal: Journal, expected: int) -> None:
        await journal.append(AppendEvents(CART, 0, events("a", "b")))
        with pytest.raises(WrongExpectedSequence) as raised:
            await journal.append(AppendEvents(CART, expected, events("c"), state("c")))
        assert (raised.value.expected, raised.value.actual) == (expected, 2)
        history = await journal.load(CART)
        assert (history.snapshot, texts(history), history.sequence) == (None, ["a", "b"], 2)

    async def test_error_names_the_entity_and_both_sequences(self, journal: Journal) -> None:
        with pytest.raises(WrongExpectedSequence) as raised:
            await journal.append(AppendEvents(CART, 7, events("a")))
        error = raised.value
        assert (error.entity_type, error.entity_id) == CART
        assert error.retry_safe is True
        assert all(word in str(error) for word in ("shopping-cart", "alice", "7", "0"))

    async def test_the_right_append_still_goes_after_a_wrong_one(self, journal: Journal) -> None:
        with pytest.raises(WrongExpectedSequence):
            await journal.append(AppendEvents(CART, 1, events("a")))
        assert await journal.append(AppendEvents(CART, 0, events("b"))) == 1
        assert texts(await journal.load(CART)) == ["b"]

    async def test_of_two_writers_one_wins(self, journal: Journal) -> None:
        results = await asyncio.gather(
            journal.append(AppendEvents(CART, 0, events("first"))),
            journal.append(AppendEvents(CART, 0, events("second"))),
            return_exceptions=True,
        )
        assert results[0] == 1
        assert isinstance(results[1], WrongExpectedSequence)
        assert texts(await journal.load(CART)) == ["first"]

    async def test_of_many_racing_writers_each_sequence_has_one(self, journal: Journal) -> None:
        async def writer(name: str) -> list[int]:
            won: list[int] = []
            expected = 0
            while len(won) < 5:
                try:
                    expected = await journal.append(AppendEvents(CART, expected, events(name)))
                    won.append(expected)
                except WrongExpectedSequence as error:
                    expected = error.actual
            return won

        won = await asyncio.gather(*(writer(f"w{number}") for number in range(8)))
        assert sorted(sequence for each in won for sequence in each) == list(range(1, 41))
        history = await journal.load(CART)
        for number, sequences in enumerate(won):
            assert {history.events[sequence - 1].payload.value.decode() for sequence in sequences} == {f"w{number}"}

    # Snapshots.

    async def test_snapshot_includes_its_append(self, journal: Journal) -> None:
        assert await journal.append(AppendEvents(CART, 0, events("a", "b"), state("ab"))) == 2
        assert await journal.load(CART) == History(Snapshot(2, state("ab")), [], 2)

    async def test_events_after_the_snapshot_are_loaded(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a", "b"), state("ab")))
        await journal.append(AppendEvents(CART, 2, events("c", "d")))
        history = await journal.load(CART)
        assert history == History(Snapshot(2, state("ab")), [Event(3, event("c")), Event(4, event("d"))], 4)

    async def test_snapshot_may_come_later(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a")))
        await journal.append(AppendEvents(CART, 1, events("b"), state("ab")))
        assert await journal.load(CART) == History(Snapshot(2, state("ab")), [], 2)

    async def test_newer_snapshot_replaces_the_older(self, journal: Journal) -> None:
        for sequence in range(10):
            await journal.append(AppendEvents(CART, sequence, events("e"), state(str(sequence))))
        await journal.append(AppendEvents(CART, 10, events("last")))
        assert await journal.load(CART) == History(Snapshot(10, state("9")), [Event(11, event("last"))], 11)

    async def test_snapshot_may_change_its_type_and_size(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), Payload("t/Old", b"x" * 50_000)))
        await journal.append(AppendEvents(CART, 1, events("b"), Payload("t/New", b"")))
        assert (await journal.load(CART)).snapshot == Snapshot(2, Payload("t/New", b""))

    async def test_snapshot_of_a_refused_append_is_not_kept(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), state("right")))
        with pytest.raises(WrongExpectedSequence):
            await journal.append(AppendEvents(CART, 0, events("b"), state("wrong")))
        assert (await journal.load(CART)).snapshot == Snapshot(1, state("right"))

    # Value entities.

    async def test_unknown_value_is_absent(self, journal: Journal) -> None:
        assert await journal.load_value(WALLET) == Value(None, 0)

    async def test_written_value_is_loaded(self, journal: Journal) -> None:
        assert await journal.append(WriteValue(WALLET, 0, state("5"))) == 1
        assert await journal.load_value(WALLET) == Value(state("5"), 1)

    async def test_newer_value_replaces_the_older(self, journal: Journal) -> None:
        for sequence in range(20):
            assert await journal.append(WriteValue(WALLET, sequence, state(str(sequence)))) == sequence + 1
        assert await journal.load_value(WALLET) == Value(state("19"), 20)

    async def test_empty_value_is_not_an_absent_one(self, journal: Journal) -> None:
        await journal.append(WriteValue(WALLET, 0, Payload("t/Empty", b"")))
        assert await journal.load_value(WALLET) == Value(Payload("t/Empty", b""), 1)

    async def test_deleted_value_is_absent_and_keeps_counting(self, journal: Journal) -> None:
        await journal.append(WriteValue(WALLET, 0, state("5")))
        assert await journal.append(WriteValue(WALLET, 1, None)) == 2
        assert await journal.load_value(WALLET) == Value(None, 2)

    async def test_deleted_value_can_be_written_again(self, journal: Journal) -> None:
        await journal.append(WriteValue(WALLET, 0, state("5")))
        await journal.append(WriteValue(WALLET, 1, None))
        with pytest.raises(WrongExpectedSequence):
            await journal.append(WriteValue(WALLET, 0, state("6")))
        assert await journal.append(WriteValue(WALLET, 2, state("7"))) == 3
        assert await journal.load_value(WALLET) == Value(state("7"), 3)

    async def test_value_that_never_was_can_be_deleted(self, journal: Journal) -> None:
        assert await journal.append(WriteValue(WALLET, 0, None)) == 1
        assert await journal.append(WriteValue(WALLET, 1, None)) == 2
        assert await journal.load_value(WALLET) == Value(None, 2)

    async def test_wrong_expected_sequence_keeps_the_value(self, journal: Journal) -> None:
        await journal.append(WriteValue(WALLET, 0, state("5")))
        for wrong in (WriteValue(WALLET, 0, state("6")), WriteValue(WALLET, 2, None)):
            with pytest.raises(WrongExpectedSequence):
                await journal.append(wrong)
        assert await journal.load_value(WALLET) == Value(state("5"), 1)

    async def test_snapshot_and_value_are_one_record(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a", "b"), state("ab")))
        assert await journal.load_value(CART) == Value(state("ab"), 2)
        assert await journal.append(WriteValue(CART, 2, state("abc"))) == 3
        assert await journal.append(AppendEvents(CART, 3, events("d"))) == 4
        assert await journal.load(CART) == History(Snapshot(3, state("abc")), [Event(4, event("d"))], 4)

    # Entities.

    async def test_entities_are_told_apart_by_id(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a")))
        assert (await journal.load(EntityKey(CART.type, "bob"))).sequence == 0

    async def test_entities_are_told_apart_by_type(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a")))
        await journal.append(AppendEvents(EntityKey("other", CART.id), 0, events("b", "c")))
        assert texts(await journal.load(CART)) == ["a"]
        assert texts(await journal.load(EntityKey("other", CART.id))) == ["b", "c"]

    async def test_type_and_id_do_not_run_together(self, journal: Journal) -> None:
        await journal.append(AppendEvents(EntityKey("ab", "c"), 0, events("1")))
        assert (await journal.load(EntityKey("a", "bc"))).sequence == 0

    async def test_odd_ids_are_entities_of_their_own(self, place: Place) -> None:
        for id in ODD_IDS:
            assert await place.journal.append(AppendEvents(EntityKey("cart", id), 0, events(id))) == 1
        async for journal in now_and_reopened(place):
            for id in ODD_IDS:
                assert texts(await journal.load(EntityKey("cart", id))) == [id]

    async def test_odd_types_are_kept(self, place: Place) -> None:
        for type in ODD_IDS:
            await place.journal.append(WriteValue(EntityKey(type, "id"), 0, state(type)))
        journal = await place.reopen()
        for type in ODD_IDS:
            assert await journal.load_value(EntityKey(type, "id")) == Value(state(type), 1)

    async def test_id_that_is_not_unicode_is_a_mistake_of_the_caller(self, journal: Journal) -> None:
        other = journal.append(AppendEvents(CART, 0, events("a")))
        with pytest.raises(ValueError, match="surrogates"):
            await journal.append(AppendEvents(EntityKey("cart", "\ud800"), 0, events("a")))
        assert await other == 1

    async def test_many_entities(self, place: Place) -> None:
        keys = [EntityKey("cart", f"user-{number}") for number in range(2000)]
        for sequence in range(3):
            await asyncio.gather(
                *(place.journal.append(AppendEvents(key, sequence, events(f"{key.id}/{sequence}"))) for key in keys)
            )
        async for journal in now_and_reopened(place):
            for key in keys[::7]:
                assert texts(await journal.load(key)) == [f"{key.id}/{sequence}" for sequence in range(3)]

    # Waiting together.

    async def test_append_returns_before_it_waits(self, journal: Journal) -> None:
        futures = [journal.append(AppendEvents(EntityKey("cart", str(n)), 0, events("a"))) for n in range(10)]
        assert all(isinstance(future, asyncio.Future) for future in futures)
        assert await asyncio.gather(*futures) == [1] * 10

    async def test_one_entity_may_append_again_before_the_answer(self, journal: Journal) -> None:
        futures = [journal.append(AppendEvents(CART, sequence, events(str(sequence)))) for sequence in range(50)]
        assert await asyncio.gather(*futures) == list(range(1, 51))
        assert texts(await journal.load(CART)) == [str(sequence) for sequence in range(50)]

    async def test_snapshots_of_waiting_appends_replace_each_other(self, journal: Journal) -> None:
        futures = [journal.append(AppendEvents(CART, n, events(str(n)), state(str(n)))) for n in range(5)]
        futures.append(journal.append(AppendEvents(CART, 5, events("5"))))
        await asyncio.gather(*futures)
        assert await journal.load(CART) == History(Snapshot(5, state("4")), [Event(6, event("5"))], 6)

    async def test_values_of_waiting_writes_replace_each_other(self, journal: Journal) -> None:
        values = [state("1"), None, state("2"), None, state("3")]
        futures = [journal.append(WriteValue(WALLET, n, value)) for n, value in enumerate(values)]
        assert await asyncio.gather(*futures) == [1, 2, 3, 4, 5]
        assert await journal.load_value(WALLET) == Value(state("3"), 5)

    async def test_waiting_appends_fail_one_by_one(self, journal: Journal) -> None:
        bob, carol = EntityKey("cart", "bob"), EntityKey("cart", "carol")
        results = await asyncio.gather(
            journal.append(AppendEvents(CART, 0, events("a"))),
            journal.append(AppendEvents(bob, 9, events("wrong"))),
            journal.append(AppendEvents(CART, 0, events("wrong"))),
            journal.append(AppendEvents(CART, 1, events("b"))),
            journal.append(AppendEvents(carol, 0, (Payload("t/Large", bytes(LIMIT + 1)),))),
            journal.append(AppendEvents(bob, 0, events("c"))),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [
            int,
            WrongExpectedSequence,
            WrongExpectedSequence,
            int,
            AppendTooLarge,
            int,
        ]
        assert texts(await journal.load(CART)) == ["a", "b"]
        assert texts(await journal.load(bob)) == ["c"]
        assert (await journal.load(carol)).sequence == 0

    async def test_answers_come_in_the_order_of_the_calls(self, journal: Journal) -> None:
        order: list[int] = []

        def answered(number: int, _: asyncio.Future[int]) -> None:
            order.append(number)

        futures = []
        for number in range(100):
            future = journal.append(AppendEvents(EntityKey("cart", str(number % 10)), number // 10, events("a")))
            future.add_done_callback(partial(answered, number))
            futures.append(future)
        await asyncio.gather(*futures)
        assert order == list(range(100))

    async def test_callback_of_an_append_may_append(self, journal: Journal) -> None:
        done = asyncio.get_running_loop().create_future()

        def again(future: asyncio.Future[int]) -> None:
            sequence = future.result()
            if sequence == 10:
                done.set_result(None)
            else:
                journal.append(AppendEvents(CART, sequence, events(str(sequence)))).add_done_callback(again)

        journal.append(AppendEvents(CART, 0, events("0"))).add_done_callback(again)
        await done
        assert (await journal.load(CART)).sequence == 10

    async def test_caller_that_goes_away_does_not_disturb_the_others(self, journal: Journal) -> None:
        gone = journal.append(AppendEvents(EntityKey("cart", "gone"), 0, events("a")))
        stays = journal.append(AppendEvents(CART, 0, events("a")))
        gone.cancel()
        assert await stays == 1
        assert (await journal.load(EntityKey("cart", "gone"))).sequence in (0, 1)

    # Loading.

    async def test_load_sees_every_answered_append(self, journal: Journal) -> None:
        async def appender(key: EntityKey) -> None:
            for sequence in range(20):
                snapshot = state(str(sequence)) if sequence % 7 == 6 else None
                await journal.append(AppendEvents(key, sequence, events(str(sequence)), snapshot))
                history = await journal.load(key)
                assert history.sequence == sequence + 1
                after = 0 if history.snapshot is None else history.snapshot.sequence
                assert [each.sequence for each in history.events] == list(range(after + 1, sequence + 2))

        await asyncio.gather(*(appender(EntityKey("cart", str(number))) for number in range(20)))

    async def test_load_while_the_entity_is_written_is_consistent(self, journal: Journal) -> None:
        async def appender() -> None:
            for sequence in range(0, 2000, 10):
                snapshot = state(str(sequence + 10)) if sequence % 500 == 490 else None
                await journal.append(AppendEvents(CART, sequence, events(*map(str, range(10))), snapshot))

        writing = asyncio.create_task(appender())
        seen = 0
        while not writing.done():
            history = await journal.load(CART)
            after = 0 if history.snapshot is None else history.snapshot.sequence
            assert history.sequence >= seen
            assert [each.sequence for each in history.events] == list(range(after + 1, history.sequence + 1))
            seen = history.sequence
            await asyncio.sleep(0)
        await writing

    async def test_loaded_history_is_the_callers_own(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a", "b")))
        (await journal.load(CART)).events.clear()
        assert texts(await journal.load(CART)) == ["a", "b"]

    async def test_long_history_is_complete(self, place: Place) -> None:
        for sequence in range(0, 10_000, 500):
            batch = events(*(str(number) for number in range(sequence, sequence + 500)))
            await place.journal.append(AppendEvents(CART, sequence, batch))
        async for journal in now_and_reopened(place):
            assert texts(await journal.load(CART)) == [str(number) for number in range(10_000)]

    async def test_long_history_lets_others_run(self, journal: Journal) -> None:
        for sequence in range(0, 10_000, 500):
            await journal.append(AppendEvents(CART, sequence, events("e") * 500))
        loading = asyncio.ensure_future(journal.load(CART))
        bob = EntityKey("cart", "bob")
        assert await journal.append(AppendEvents(bob, 0, events("a"))) == 1
        assert (await loading).sequence == 10_000

    async def test_interleaved_entities_keep_their_own_order(self, journal: Journal) -> None:
        keys = [EntityKey("cart", str(number)) for number in range(5)]
        for sequence in range(30):
            for key in keys:
                await journal.append(AppendEvents(key, sequence, events(f"{key.id}-{sequence}")))
        for key in keys:
            assert texts(await journal.load(key)) == [f"{key.id}-{sequence}" for sequence in range(30)]

    # Sizes.

    async def test_large_payloads_are_kept_whole(self, place: Place) -> None:
        large = Payload("t/Large", bytes(range(256)) * (LARGE // 256))
        await place.journal.append(AppendEvents(CART, 0, (large, large), large))
        await place.journal.append(AppendEvents(CART, 2, (large,)))
        async for journal in now_and_reopened(place):
            assert await journal.load(CART) == History(Snapshot(2, large), [Event(3, large)], 3)

    async def test_too_large_an_append_is_refused_whole(self, journal: Journal) -> None:
        half = Payload("t/Large", bytes(LIMIT // 2 + 1))
        with pytest.raises(AppendTooLarge) as raised:
            await journal.append(AppendEvents(CART, 0, (half, half)))
        assert raised.value.limit == LIMIT
        assert raised.value.size > LIMIT
        assert raised.value.retry_safe is False
        assert (await journal.load(CART)).sequence == 0
        assert await journal.append(AppendEvents(CART, 0, (half,))) == 1

    async def test_snapshot_counts_toward_the_size(self, journal: Journal) -> None:
        half = Payload("t/Large", bytes(LIMIT // 2 + 1))
        with pytest.raises(AppendTooLarge):
            await journal.append(AppendEvents(CART, 0, (half,), half))

    async def test_too_large_a_value_is_refused(self, journal: Journal) -> None:
        await journal.append(WriteValue(WALLET, 0, state("small")))
        with pytest.raises(AppendTooLarge):
            await journal.append(WriteValue(WALLET, 1, Payload("t/Large", bytes(LIMIT + 1))))
        assert await journal.load_value(WALLET) == Value(state("small"), 1)

    async def test_append_of_many_events_is_one(self, journal: Journal) -> None:
        assert await journal.append(AppendEvents(CART, 0, events(*map(str, range(5000))))) == 5000
        assert texts(await journal.load(CART)) == [str(number) for number in range(5000)]

    # Closing and opening.

    async def test_everything_is_there_after_reopening(self, place: Place) -> None:
        await place.journal.append(AppendEvents(CART, 0, events("a", "b"), state("ab")))
        await place.journal.append(AppendEvents(CART, 2, events("c")))
        await place.journal.append(WriteValue(WALLET, 0, state("5")))
        journal = await place.reopen()
        assert await journal.load(CART) == History(Snapshot(2, state("ab")), [Event(3, event("c"))], 3)
        assert await journal.load_value(WALLET) == Value(state("5"), 1)

    async def test_sequences_go_on_after_reopening(self, place: Place) -> None:
        await place.journal.append(AppendEvents(CART, 0, events("a", "b")))
        await place.journal.append(WriteValue(WALLET, 0, state("5")))
        await place.journal.append(WriteValue(WALLET, 1, None))
        journal = await place.reopen()
        with pytest.raises(WrongExpectedSequence):
            await journal.append(AppendEvents(CART, 0, events("c")))
        assert await journal.append(AppendEvents(CART, 2, events("c"))) == 3
        assert await journal.append(WriteValue(WALLET, 2, state("6"))) == 3
        assert texts(await journal.load(CART)) == ["a", "b", "c"]

    async def test_new_names_after_reopening(self, place: Place) -> None:
        await place.journal.append(AppendEvents(CART, 0, (event("a", "First"),)))
        journal = await place.reopen()
        await journal.append(AppendEvents(CART, 1, (event("b", "Second"),)))
        await journal.append(AppendEvents(EntityKey("later", "x"), 0, (event("c", "Third"),)))
        journal = await place.reopen()
        loaded = (await journal.load(CART)).events
        assert [each.payload for each in loaded] == [event("a", "First"), event("b", "Second")]
        assert (await journal.load(EntityKey("later", "x"))).events == [Event(1, event("c", "Third"))]

    async def test_close_writes_what_waits(self, place: Place) -> None:
        futures = [place.journal.append(AppendEvents(EntityKey("cart", str(n)), 0, events("a"))) for n in range(1500)]
        journal = await place.reopen()
        assert await asyncio.gather(*futures) == [1] * 1500
        assert (await journal.load(EntityKey("cart", "1499"))).sequence == 1

    async def test_closed_journal_refuses(self, place: Place) -> None:
        await place.journal.close()
        with pytest.raises(JournalUnavailable, match="closed") as raised:
            await place.journal.append(AppendEvents(CART, 0, events("a")))
        assert raised.value.retry_safe is True
        for load in (place.journal.load(CART), place.journal.load_value(CART)):
            with pytest.raises(JournalUnavailable, match="closed"):
                await load

    async def test_close_may_be_called_again(self, place: Place) -> None:
        await place.journal.close()
        await place.journal.close()

    async def test_reopened_many_times(self, place: Place) -> None:
        journal = place.journal
        for sequence in range(10):
            assert await journal.append(AppendEvents(CART, sequence, events(str(sequence)))) == sequence + 1
            journal = await place.reopen()
        assert texts(await journal.load(CART)) == [str(sequence) for sequence in range(10)]

    async def test_every_error_is_a_journal_error(self, journal: Journal) -> None:
        for append in (AppendEvents(CART, 5, events("a")), WriteValue(CART, 0, Payload("t", bytes(LIMIT + 1)))):
            with pytest.raises(JournalError):
                await journal.append(append)
