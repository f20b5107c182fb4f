"""Heads in their generations: what the index does not have is never forgotten."""

from __future__ import annotations

import pytest

from cloudstate.runtime.journal.sqlite import heads as module
from cloudstate.runtime.journal.sqlite.heads import Heads
from cloudstate.runtime.journal.sqlite.plan import NEW, Head, Key

ALICE, BOB = ("cart", "alice"), ("cart", "bob")


class Index(dict[Key, Head]):
    """The index, and what was looked up in it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Key] = []

    def find(self, key: Key) -> Head:
        self.asked.append(key)
        return self.get(key, NEW)


def test_found_once_then_remembered() -> None:
    index = Index()
    index[ALICE] = (5, 50, 0, 0)
    heads = Heads(index.find)
    assert [heads.get(ALICE), heads.get(ALICE), heads.get(BOB), heads.get(BOB)] == [(5, 50, 0, 0)] * 2 + [NEW] * 2
    assert index.asked == [ALICE, BOB]
    assert heads.dirty == 0


def test_adopted_goes_before_what_was_found() -> None:
    index = Index()
    heads = Heads(index.find)
    assert heads.get(ALICE) == NEW
    heads.adopt({ALICE: (1, 1, 0, 0)})
    assert heads.get(ALICE) == (1, 1, 0, 0)
    assert heads.dirty == 1


def test_adopted_while_the_index_is_written_stays_dirty() -> None:
    heads = Heads(Index().find)
    heads.adopt({ALICE: (1, 1, 0, 0), BOB: (1, 2, 0, 0)})
    assert heads.start_writing() == {ALICE: (1, 1, 0, 0), BOB: (1, 2, 0, 0)}
    heads.adopt({ALICE: (2, 3, 0, 0)})
    assert (heads.get(ALICE), heads.get(BOB)) == ((2, 3, 0, 0), (1, 2, 0, 0))
    heads.written()
    assert (heads.get(ALICE), heads.get(BOB)) == ((2, 3, 0, 0), (1, 2, 0, 0))
    assert heads.start_writing() == {ALICE: (2, 3, 0, 0)}


def test_not_written_is_part_of_the_next_attempt() -> None:
    heads = Heads(Index().find)
    heads.adopt({ALICE: (1, 1, 0, 0), BOB: (1, 2, 0, 0)})
    heads.start_writing()
    heads.adopt({ALICE: (2, 3, 0, 0)})
    heads.not_written()
    assert heads.dirty == 2
    assert heads.start_writing() == {ALICE: (2, 3, 0, 0), BOB: (1, 2, 0, 0)}


def test_the_cache_is_bounded_and_the_dirty_are_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CLEAN_LIMIT", 10)
    index = Index()
    heads = Heads(index.find)
    heads.adopt({ALICE: (1, 1, 0, 0)})
    for number in range(25):
        heads.get(("cart", str(number)))
    assert heads.get(("cart", "24")) == NEW
    assert index.asked.count(("cart", "24")) == 1
    heads.get(("cart", "0"))
    assert index.asked.count(("cart", "0")) == 2
    assert heads.get(ALICE) == (1, 1, 0, 0)
