"""Releases and checks as values: names of versions, acceptances and their days, what is reported once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.unit.compiler.recorded import PROTO, SPEC, lock_of, today, version

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.lock import Current, Lock, Signature, Verdict, check, release
from cloudstate.compiler.lock.recorded import Entity

DAY = date(2026, 11, 25)
TEXT = PROTO.replace("int32 quantity", "string quantity")
FILE = "schema.lock"


def signature(*accepted: str, until: date = date(2026, 12, 31)) -> Signature:
    named = [
        (code, subject) for word in accepted for word, _, subject in [word.partition(":")] if (code := codes.find(word))
    ]
    return Signature(named, "nothing is stored yet", "A. Shopkeeper", until)


def test_versions_are_numbered_unless_they_have_names(tmp_path: Path) -> None:
    first = today(tmp_path / "1")
    second = today(tmp_path / "2", PROTO.replace("reserved 9", "string note = 3;\n  reserved 9"))
    one = release(Lock(), first, None, None, DAY, FILE)
    assert (one.name, one.is_new) == ("1", True)
    assert one.lock is not None
    two = release(one.lock, second, None, None, DAY, FILE)
    assert (two.name, two.is_new) == ("2", True)
    named = release(one.lock, second, "2026.11", None, DAY, FILE)
    assert named.lock is not None
    assert [known.name for known in named.lock.versions] == ["1", "2026.11"]


def test_a_release_of_the_same_adds_nothing(tmp_path: Path) -> None:
    now = today(tmp_path)
    again = release(lock_of(now), now, "other", None, DAY, FILE)
    assert (again.lock, again.name, again.is_new) == (lock_of(now), "1", False)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    old, new = (
        today(tmp_path / "1"),
        today(tmp_path / "2", PROTO.replace("reserved 9", "string note = 3;\n  reserved 9")),
    )
    refused = release(lock_of(old), new, "1", None, DAY, FILE)
    assert refused.lock is None
    assert [found.code for found in refused.checked.findings] == [codes.VERSION_RECORDED]


def test_what_breaks_is_not_released(tmp_path: Path) -> None:
    refused = release(lock_of(today(tmp_path / "1")), today(tmp_path / "2", TEXT), None, None, DAY, FILE)
    assert refused.lock is None
    assert refused.checked.counts() == {Verdict.DATA_LOSS: 1}


def test_what_is_accepted_is_released_and_stays_a_note(tmp_path: Path) -> None:
    old, new = lock_of(today(tmp_path / "1")), today(tmp_path / "2", TEXT)
    done = release(old, new, None, signature("CS6103"), DAY, FILE)
    assert done.lock is not None
    assert [(one.code, one.subject, one.was, one.now) for one in done.lock.accepted] == [
        ("CS6103", "shop.Added.quantity", ("int32 quantity = 2",), "string quantity = 2")
    ]
    for day, breaking in ((DAY, False), (date(2026, 12, 31), False), (date(2027, 1, 1), True)):
        checked = check(done.lock, new, day, FILE)
        assert checked.is_breaking is breaking
        assert [found.code for found in checked.findings] == [
            codes.FIELD_TYPE_CHANGED if breaking else codes.ACCEPTED_BREAK
        ]


def test_an_acceptance_is_for_one_change(tmp_path: Path) -> None:
    old, new = lock_of(today(tmp_path / "1")), today(tmp_path / "2", TEXT)
    done = release(old, new, None, signature("field-type-changed"), DAY, FILE)
    assert done.lock is not None
    other = today(tmp_path / "3", PROTO.replace("int32 quantity", "bytes quantity"))
    checked = check(done.lock, other, DAY, FILE)
    # It was an int32 once and a string then: the acceptance of the one does not cover the other, nor bytes.
    assert {found.code for found in checked.findings} == {codes.FIELD_TYPE_CHANGED, codes.ACCEPTANCE_UNUSED}
    back = check(replace(done.lock, versions=done.lock.versions[:1]), today(tmp_path / "4"), DAY, FILE)
    assert [found.code for found in back.findings] == [codes.ACCEPTANCE_UNUSED]


@pytest.mark.parametrize("accepted", ["CS6103:shop.Added.other", "CS6101"])
def test_an_acceptance_of_nothing(tmp_path: Path, accepted: str) -> None:
    old, new = lock_of(today(tmp_path / "1")), today(tmp_path / "2", TEXT)
    refused = release(old, new, None, signature(accepted), DAY, FILE)
    assert (refused.lock, len(refused.unused)) == (None, 1)
    taken = release(old, new, None, signature("CS6103:shop.Added.quantity"), DAY, FILE)
    assert taken.unused == ()


def test_a_longer_acceptance_replaces_the_older(tmp_path: Path) -> None:
    old, new = lock_of(today(tmp_path / "1")), today(tmp_path / "2", TEXT)
    first = release(old, new, None, signature("CS6103"), DAY, FILE)
    assert first.lock is not None
    later = date(2027, 1, 1)
    second = release(first.lock, new, None, signature("CS6103", until=date(2027, 6, 30)), later, FILE)
    assert second.lock is not None
    assert [entry.until for entry in second.lock.accepted] == [date(2027, 6, 30)]


def test_one_finding_names_all_versions(tmp_path: Path) -> None:
    old = today(tmp_path / "1")
    wide = today(tmp_path / "2", PROTO.replace("int32 quantity", "int64 quantity"))
    now = today(tmp_path / "3", TEXT)
    (found,) = check(lock_of(old, old, wide), now, DAY, FILE).findings
    assert found.notes[:2] == ("recorded in 1, 2: `int32 quantity = 2`", "recorded in 3: `int64 quantity = 2`")
    (found,) = check(lock_of(*[old] * 6), now, DAY, FILE).findings
    assert found.notes[0] == "recorded in 1 to 6 (6 versions): `int32 quantity = 2`"


def test_a_rename_is_told_once(tmp_path: Path) -> None:
    old, new = today(tmp_path / "1"), today(tmp_path / "2", PROTO.replace("int32 quantity", "int32 amount"))
    assert [found.code for found in check(lock_of(old), new, DAY, FILE).findings] == [codes.FIELD_RENAMED]
    assert check(lock_of(old, new), new, DAY, FILE).findings == ()


def test_the_worst_verdict_counts_where_a_message_is_stored_twice(tmp_path: Path) -> None:
    old = today(tmp_path / "1")
    new = today(tmp_path / "2", PROTO.replace("string name = 1", "int32 name = 1"))
    checked = check(lock_of(old), new, DAY, FILE)
    assert [(change.subject, change.verdict) for change in checked.open] == [("shop.Item.name", Verdict.DATA_LOSS)]


def test_elements_of_a_crdt(tmp_path: Path) -> None:
    now = today(tmp_path)
    stored = {"tags": Entity("tags", "shop.Tags", "crdt", "shop.Item", crdt="gset")}
    recorded = replace(version("1", now), stored=replace(now.stored, entities=stored), samples={})
    other = {"tags": replace(stored["tags"], state="shop.Added")}
    new = replace(now, current=Current(replace(now.stored, entities=other), {"shop.Tags": "crdt"}))
    checked = check(Lock((recorded,)), new, DAY, FILE)
    assert [(change.code, change.was, change.now) for change in checked.open] == [
        (codes.CRDT_CHANGED, ("crdt: gset of shop.Item",), "crdt: gset of shop.Added")
    ]


def test_the_place_of_a_part_that_is_not_written(tmp_path: Path) -> None:
    old = today(tmp_path / "1", spec=SPEC + "  shards: 16\n")
    (found,) = check(lock_of(old), today(tmp_path / "2"), DAY, FILE).findings
    assert (found.code, found.span.text) == (codes.SHARDS_CHANGED, "shop")
