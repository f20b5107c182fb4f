"""What every journal promises about answers, fences and the schemas of snapshots."""

from __future__ import annotations

import asyncio

import pytest
from tests.conformance.journal_contract import CART, LIMIT, WALLET, event, events, now_and_reopened, state, texts
from tests.conformance.journal_places import Place

from cloudstate.runtime.journal import (
    Answer,
    AppendEvents,
    AppendTooLarge,
    EntityKey,
    Fence,
    Fenced,
    Journal,
    Snapshot,
    Value,
    WriteValue,
    WrongExpectedSequence,
)


def answer(number: int, reply: str = "") -> Answer:
    return Answer(number, f"id-{number}", reply.encode())


class AnswerContract:
    """Answers are kept with what their commands wrote."""

    async def test_answer_comes_back_with_the_history(self, place: Place) -> None:
        await place.journal.append(AppendEvents(CART, 0, events("a"), answer=answer(1, "done")))
        async for journal in now_and_reopened(place):
            assert (await journal.load(CART, window=10)).answers == (answer(1, "done"),)

    async def test_answers_are_given_only_to_whom_asks(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), answer=answer(1)))
        assert (await journal.load(CART)).answers == ()
        await journal.append(WriteValue(WALLET, 0, state("1"), answer(1)))
        assert (await journal.load_value(WALLET)).answers == ()

    async def test_answer_comes_back_with_the_value(self, place: Place) -> None:
        await place.journal.append(WriteValue(WALLET, 0, state("1"), answer(1, "one")))
        await place.journal.append(WriteValue(WALLET, 1, None, answer(2, "gone")))
        async for journal in now_and_reopened(place):
            assert await journal.load_value(WALLET, window=10) == Value(None, 2, (answer(1, "one"), answer(2, "gone")))

    async def test_window_gives_the_newest_answers_in_order(self, journal: Journal) -> None:
        for number in range(1, 8):
            await journal.append(AppendEvents(CART, number - 1, events("x"), answer=answer(number)))
        assert (await journal.load(CART, window=3)).answers == (answer(5), answer(6), answer(7))
        assert len((await journal.load(CART, window=100)).answers) == 7

    async def test_answers_alone_push_out_those_of_changes(self, place: Place) -> None:
        await place.journal.append(AppendEvents(CART, 0, events("a"), answer=answer(1)))
        for number in range(2, 5):
            await place.journal.append(AppendEvents(CART, 1, (), answer=answer(number)))
        async for journal in now_and_reopened(place):
            assert (await journal.load(CART, window=2)).answers == (answer(3), answer(4))
            assert (await journal.load(CART, window=9)).answers == tuple(map(answer, range(1, 5)))

    async def test_answers_outlive_snapshots(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), answer=answer(1)))
        await journal.append(AppendEvents(CART, 1, events("b", "c"), state("abc"), answer=answer(2)))
        history = await journal.load(CART, window=10)
        assert (history.snapshot, history.events) == (Snapshot(3, state("abc")), [])
        assert history.answers == (answer(1), answer(2))

    async def test_appends_without_answer_may_lie_between(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), answer=answer(1)))
        await journal.append(AppendEvents(CART, 1, events(*["x"] * 20)))
        await journal.append(AppendEvents(CART, 21, events("b"), answer=answer(2)))
        assert (await journal.load(CART, window=10)).answers == (answer(1), answer(2))

    async def test_answer_alone_leaves_the_sequence(self, place: Place) -> None:
        await place.journal.append(AppendEvents(CART, 0, events("a", "b")))
        assert await place.journal.append(AppendEvents(CART, 2, (), answer=answer(1, "nothing to do"))) == 2
        assert await place.journal.append(AppendEvents(CART, 2, events("c"))) == 3
        async for journal in now_and_reopened(place):
            history = await journal.load(CART, window=10)
            assert texts(history) == ["a", "b", "c"]
            assert (history.sequence, history.answers) == (3, (answer(1, "nothing to do"),))

    async def test_answer_alone_of_a_new_entity(self, place: Place) -> None:
        assert await place.journal.append(AppendEvents(CART, 0, (), answer=answer(1))) == 0
        async for journal in now_and_reopened(place):
            history = await journal.load(CART, window=10)
            assert (history.sequence, history.events, history.answers) == (0, [], (answer(1),))
        assert await place.journal.append(AppendEvents(CART, 0, events("a"))) == 1

    async def test_answer_alone_of_a_value(self, journal: Journal) -> None:
        await journal.append(WriteValue(WALLET, 0, state("1")))
        assert await journal.append(AppendEvents(WALLET, 1, (), answer=answer(1))) == 1
        assert await journal.load_value(WALLET, window=10) == Value(state("1"), 1, (answer(1),))

    async def test_answer_of_a_refused_append_is_not_kept(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a")))
        for refused in (
            AppendEvents(CART, 0, events("b"), answer=answer(1)),
            AppendEvents(CART, 9, (), answer=answer(1)),
        ):
            with pytest.raises(WrongExpectedSequence):
                await journal.append(refused)
        assert (await journal.load(CART, window=10)).answers == ()

    async def test_answers_are_told_apart_by_entity(self, journal: Journal) -> None:
        other = EntityKey(CART.type, "bob")
        await asyncio.gather(
            journal.append(AppendEvents(CART, 0, events("a"), answer=answer(1, "alice"))),
            journal.append(AppendEvents(other, 0, events("b"), answer=answer(1, "bob"))),
            journal.append(AppendEvents(WALLET, 0, events("c"), answer=answer(1, "wallet"))),
        )
        for key, text in ((CART, "alice"), (other, "bob"), (WALLET, "wallet")):
            assert (await journal.load(key, window=10)).answers == (answer(1, text),)

    async def test_answers_of_waiting_appends_are_all_kept(self, place: Place) -> None:
        waiting = [place.journal.append(AppendEvents(CART, n, events("x"), answer=answer(n + 1))) for n in range(50)]
        await asyncio.gather(*waiting)
        async for journal in now_and_reopened(place):
            history = await journal.load(CART, window=1000)
            assert history.answers == tuple(answer(n + 1) for n in range(50))

    async def test_odd_ids_and_replies_are_kept(self, journal: Journal) -> None:
        odd = [
            Answer(1, "nul\0inside", b""),
            Answer(2, "Zoë 🛒", bytes(range(256))),
            Answer(3, "x" * 256, b"\0" * 1000),
        ]
        for number, kept in enumerate(odd):
            await journal.append(AppendEvents(CART, number, events("x"), answer=kept))
        assert (await journal.load(CART, window=10)).answers == tuple(odd)

    async def test_answer_counts_toward_the_size(self, journal: Journal) -> None:
        with pytest.raises(AppendTooLarge):
            await journal.append(AppendEvents(CART, 0, events("a"), answer=Answer(1, "id", bytes(LIMIT))))
        assert (await journal.load(CART)).sequence == 0

    # Schemas of snapshots.

    async def test_snapshot_of_another_schema_is_left_out(self, place: Place) -> None:
        await place.journal.append(AppendEvents(CART, 0, events("a", "b"), state("ab"), "v1"))
        await place.journal.append(AppendEvents(CART, 2, events("c")))
        async for journal in now_and_reopened(place):
            same = await journal.load(CART, schema="v1")
            assert (same.snapshot, texts(same)) == (Snapshot(2, state("ab")), ["c"])
            other = await journal.load(CART, schema="v2")
            assert (other.snapshot, texts(other), other.sequence) == (None, ["a", "b", "c"], 3)
            assert (await journal.load(CART)).snapshot == Snapshot(2, state("ab"))

    async def test_newer_snapshot_brings_its_schema(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), state("a"), "v1"))
        await journal.append(AppendEvents(CART, 1, events("b"), state("ab"), "v2"))
        assert (await journal.load(CART, schema="v2")).snapshot == Snapshot(2, state("ab"))
        assert (await journal.load(CART, schema="v1")).snapshot is None

    async def test_snapshot_without_schema_is_of_the_empty_one(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a"), state("a")))
        assert (await journal.load(CART, schema="")).snapshot == Snapshot(1, state("a"))
        assert (await journal.load(CART, schema="v1")).snapshot is None


class FenceContract:
    """Who has not noticed that the shard has another owner cannot write its entities."""

    async def test_epochs_count_from_one(self, place: Place) -> None:
        assert await place.journal.take_over("cart/7") == Fence("cart/7", 1)
        assert await place.journal.take_over("cart/7") == Fence("cart/7", 2)
        assert await place.journal.take_over("cart/8") == Fence("cart/8", 1)
        journal = await place.reopen()
        assert await journal.take_over("cart/7") == Fence("cart/7", 3)

    async def test_owner_writes_and_reads(self, journal: Journal) -> None:
        fence = await journal.take_over("s")
        await journal.append(AppendEvents(CART, 0, events("a"), fence=fence))
        await journal.append(WriteValue(WALLET, 0, state("1"), fence=fence))
        assert texts(await journal.load(CART, fence=fence)) == ["a"]
        assert (await journal.load_value(WALLET, fence=fence)).payload == state("1")
        assert await journal.append(AppendEvents(CART, 1, events("b"), fence=fence)) == 2

    async def test_stale_owner_cannot_write_what_the_new_one_has_loaded(self, journal: Journal) -> None:
        stale = await journal.take_over("s")
        await journal.append(AppendEvents(CART, 0, events("a"), fence=stale))
        fence = await journal.take_over("s")
        assert texts(await journal.load(CART, fence=fence)) == ["a"]
        with pytest.raises(Fenced) as caught:
            await journal.append(AppendEvents(CART, 1, events("b"), fence=stale))
        assert (caught.value.shard, caught.value.epoch, caught.value.actual) == ("s", 1, 2)
        assert caught.value.retry_safe
        assert texts(await journal.load(CART)) == ["a"]
        assert await journal.append(AppendEvents(CART, 1, events("c"), fence=fence)) == 2

    async def test_stale_owner_cannot_write_a_value_that_the_new_one_has_loaded(self, journal: Journal) -> None:
        stale = await journal.take_over("s")
        fence = await journal.take_over("s")
        assert await journal.load_value(WALLET, fence=fence) == Value(None, 0)
        with pytest.raises(Fenced):
            await journal.append(WriteValue(WALLET, 0, state("1"), fence=stale))
        assert await journal.load_value(WALLET) == Value(None, 0)

    async def test_stale_owner_cannot_create_what_the_new_one_has_found_absent(self, journal: Journal) -> None:
        stale = await journal.take_over("s")
        fence = await journal.take_over("s")
        assert (await journal.load(CART, fence=fence)).sequence == 0
        with pytest.raises(Fenced):
            await journal.append(AppendEvents(CART, 0, events("a"), fence=stale))
        assert await journal.append(AppendEvents(CART, 0, events("b"), fence=fence)) == 1

    async def test_stale_owner_cannot_load(self, journal: Journal) -> None:
        stale = await journal.take_over("s")
        await journal.take_over("s")
        with pytest.raises(Fenced):
            await journal.load(CART, fence=stale)
        with pytest.raises(Fenced):
            await journal.load_value(WALLET, fence=stale)

    async def test_fences_of_other_shards_do_not_matter(self, journal: Journal) -> None:
        first = await journal.take_over("s")
        for _ in range(3):
            await journal.take_over("t")
        assert await journal.append(AppendEvents(CART, 0, events("a"), fence=first)) == 1

    async def test_fenced_answer_is_not_kept(self, journal: Journal) -> None:
        stale = await journal.take_over("s")
        fence = await journal.take_over("s")
        await journal.load(CART, fence=fence)
        with pytest.raises(Fenced):
            await journal.append(AppendEvents(CART, 0, (), answer=answer(1), fence=stale))
        assert (await journal.load(CART, window=10)).answers == ()

    async def test_of_waiting_appends_only_the_stale_are_fenced(self, journal: Journal) -> None:
        stale = await journal.take_over("s")
        fence = await journal.take_over("s")
        keys = [EntityKey("cart", str(n)) for n in range(40)]
        for key in keys:
            await journal.load(key, fence=fence)
        waiting = [
            journal.append(AppendEvents(key, 0, events("x"), fence=stale if n % 2 else fence))
            for n, key in enumerate(keys)
        ]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, Fenced) if n % 2 else result == 1 for n, result in enumerate(results))

    async def test_epochs_outlive_the_journal(self, place: Place) -> None:
        stale = await place.journal.take_over("s")
        fence = await place.journal.take_over("s")
        await place.journal.load(CART, fence=fence)
        journal = await place.reopen()
        with pytest.raises(Fenced):
            await journal.append(AppendEvents(CART, 0, events("a"), fence=stale))
        assert await journal.append(AppendEvents(CART, 0, events("b"), fence=fence)) == 1

    async def test_two_that_take_over_at_once_get_different_epochs(self, journal: Journal) -> None:
        fences = await asyncio.gather(*(journal.take_over("s") for _ in range(10)))
        assert sorted(fence.epoch for fence in fences) == list(range(1, 11))


class LogContract:
    """The events of all entities are a log, and every entity can be found."""

    async def test_empty_log(self, journal: Journal) -> None:
        for partition in await journal.partitions():
            assert (await journal.read(partition, 0, 10)).events == []
        assert await journal.types() == []
        assert await journal.entities("cart", None, 10) == []
        assert await journal.events(CART, 0, 10) == []

    async def test_every_event_is_in_the_log_once_and_in_order(self, place: Place) -> None:
        for n in range(5):
            await place.journal.append(AppendEvents(CART, 2 * n, events(f"c{2 * n}", f"c{2 * n + 1}")))
            await place.journal.append(AppendEvents(EntityKey("tea", "pot"), n, events(f"t{n}")))
        async for journal in now_and_reopened(place):
            seen = await everything(journal, limit=3)
            assert [text for key, _, text in seen if key == CART] == [f"c{n}" for n in range(10)]
            assert [text for key, _, text in seen if key.type == "tea"] == [f"t{n}" for n in range(5)]
            assert len(seen) == 15

    async def test_log_can_be_read_by_type(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a", "b", "c")))
        await journal.append(AppendEvents(EntityKey("tea", "pot"), 0, events("t")))
        await journal.append(AppendEvents(CART, 3, events("d")))
        assert [text for _, _, text in await everything(journal, 2, frozenset({"tea"}))] == ["t"]
        assert [text for _, _, text in await everything(journal, 2, frozenset({CART.type}))] == ["a", "b", "c", "d"]
        assert await everything(journal, 2, frozenset({"none"})) == []

    async def test_values_and_answers_are_not_in_the_log(self, journal: Journal) -> None:
        await journal.append(WriteValue(WALLET, 0, state("1"), answer(1)))
        await journal.append(AppendEvents(CART, 0, (), answer=answer(1)))
        assert await everything(journal, 10) == []

    async def test_offsets_hide_nothing_while_many_write(self, journal: Journal) -> None:
        seen: dict[EntityKey, list[int]] = {}
        offsets: dict[str, int] = {}

        async def follow(total: int) -> None:
            while sum(map(len, seen.values())) < total:
                for partition in await journal.partitions():
                    page = await journal.read(partition, offsets.get(partition, 0), 7)
                    offsets[partition] = page.upto
                    for logged in page.events:
                        seen.setdefault(logged.entity, []).append(logged.sequence)
                await asyncio.sleep(0)

        async def write(key: EntityKey) -> None:
            for n in range(20):
                await journal.append(AppendEvents(key, n, events("x")))

        keys = [EntityKey("cart", str(n)) for n in range(10)]
        async with asyncio.timeout(60):
            await asyncio.gather(follow(200), *(write(key) for key in keys))
        assert seen == {key: list(range(1, 21)) for key in keys}

    async def test_events_of_an_entity_include_those_before_its_snapshot(self, journal: Journal) -> None:
        await journal.append(AppendEvents(CART, 0, events("a", "b"), state("ab")))
        await journal.append(AppendEvents(CART, 2, events("c")))
        found = await journal.events(CART, 0, 10)
        assert [(at.sequence, at.payload) for at in found] == [(1, event("a")), (2, event("b")), (3, event("c"))]
        assert [at.sequence for at in await journal.events(CART, 1, 1)] == [2]
        assert all(at.time > 1_600_000_000 and at.entity == CART for at in found)

    async def test_entities_are_listed_in_pages(self, place: Place) -> None:
        ids = ["", "Zoë", "a", "aa", "b", "nul\0", "日本語", "🛒"]
        for id in ids:
            await place.journal.append(AppendEvents(EntityKey("cart", id), 0, events("x")))
        await place.journal.append(WriteValue(WALLET, 0, state("1")))
        await place.journal.append(AppendEvents(EntityKey("answered", "only"), 0, (), answer=answer(1)))
        async for journal in now_and_reopened(place):
            found: list[str] = []
            after = None
            while page := await journal.entities("cart", after, 3):
                found += [key.id for key in page]
                after = page[-1].id
            assert found == sorted(ids)
            assert await journal.types() == ["answered", "cart", "wallet"]
            assert await journal.entities("wallet", None, 10) == [WALLET]


async def everything(
    journal: Journal, limit: int, types: frozenset[str] | None = None
) -> list[tuple[EntityKey, int, str]]:
    """The whole log, read in pages."""
    seen = []
    for partition in await journal.partitions():
        after = 0
        while True:
            page = await journal.read(partition, after, limit, types)
            seen += [(at.entity, at.sequence, at.payload.value.decode()) for at in page.events]
            if page.upto == after:
                break
            assert page.upto > after
            after = page.upto
    return seen
