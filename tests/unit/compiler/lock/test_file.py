"""The lock file: what is written is read, what is changed by hand is seen, and a release only adds lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.unit.compiler.recorded import PROTO, SPEC, lock_of, today

from cloudstate.compiler.lock import Lock, parse_lock, render_lock
from cloudstate.compiler.lock.recorded import Acceptance
from cloudstate.compiler.source import Source

ACCEPTANCE = Acceptance("CS6101", "shop.Added.quantity", ("int32 quantity = 2",), "", "why", "me", date(2027, 1, 31))


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Lock:
    """Two versions and an acceptance."""
    older = today(tmp_path_factory.mktemp("old"))
    newer = today(
        tmp_path_factory.mktemp("new"),
        PROTO.replace("int32 quantity = 2;", "reserved 2;").replace("service Cart", "service Other {}\nservice Cart"),
        SPEC.replace("shop.Items,", "shop.Item,").replace("{service", "{snapshot: {every: 0}, service"),
    )
    return replace(lock_of(older, newer), accepted=(ACCEPTANCE,))


def read(text: str) -> tuple[Lock | None, list[str]]:
    found, findings = parse_lock(Source("schema.lock", text))
    return found, [f"{finding.code.id} {finding.span.text!r}: {finding.message}" for finding in findings]


def test_what_is_written_is_read(lock: Lock) -> None:
    text = render_lock(lock)
    assert read(text) == (lock, [])
    assert render_lock(lock) == text


def test_an_empty_lock(lock: Lock) -> None:
    assert read(render_lock(Lock())) == (Lock(), [])


def test_a_version_adds_lines_and_changes_none(lock: Lock) -> None:
    before = render_lock(replace(lock, versions=lock.versions[:1], accepted=()))
    after = render_lock(replace(lock, accepted=()))
    assert after.startswith(before)
    added = after.removeprefix(before)
    assert "reserved 2" in added
    assert "gone:" in added
    assert "SIZE_SMALL" not in added


def test_a_version_without_changes_is_two_lines(tmp_path: Path) -> None:
    now = today(tmp_path)
    one, two = render_lock(lock_of(now)), render_lock(lock_of(now, now))
    assert len(two.removeprefix(one).splitlines()) == 2
    assert read(two) == (lock_of(now, now), [])


def test_it_is_text_that_people_can_read(lock: Lock) -> None:
    text = render_lock(lock)
    for line in ("- shop.Item item = 1", "- int32 quantity = 2", "- SIZE_SMALL = 1", "- reserved 9, 20 to 29"):
        assert f"        {line}\n" in text
    assert "          Add:\n            - string id = 1\n" in text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("int32 quantity = 2", "int64 quantity = 2", "the version `1` is not what was recorded"),
        ("int32 quantity = 2", "int32 quantity 2", "`int32 quantity 2` is not a field"),
        ("int32 quantity = 2", "int32 quantity = 1", "`shop.Added` has two fields with the number 1"),
        ("shop.Item item = 1", "shop.Gone item = 1", "`shop.Gone` is used in this version and not recorded"),
        ("SIZE_SMALL = 1", "SIZE_SMALL", "`SIZE_SMALL` is not an enum value"),
        ("string id = 1", "id", "`id` is not a key"),
        ("shards: 256", "shards: many", "`many` is not a number"),
        ("shards: 256", "shard: 256", "nothing is known of `shard`"),
        ("snapshots: true", "snapshots: 1", "`1` is not true or false"),
        ("model: event-sourced", "model: [event-sourced]", "a list where one value is expected"),
        ("    shards: 256\n", "", "the version `1` is not what was recorded"),
        ("version: '2'", "version: '1'", "the version `1` is there twice"),
        ("version: '2'", "version: 2", "`2` is not a string"),
        ("reason: why", "reason: because", "the acceptance is not what was signed"),
        ("until: '2027-01-31'", "until: 2027-02-28", "the acceptance is not what was signed"),
        ("until: '2027-01-31'", "until: tomorrow", "`tomorrow` is not a date like 2027-01-31"),
        ("    seal:", "    sale:", "nothing is known of `sale`"),
        ("format:", "from: x\nformat:", "nothing is known of `from`"),
        ("format: cloudstate.io/lock/v1\n", "", "`format` is missing"),
        ("versions:", "versions: {}\nversions:", "the key `versions` stands there twice"),
    ],
)
def test_damage_is_seen_where_it_is(lock: Lock, old: str, new: str, expected: str) -> None:
    text = render_lock(lock)
    assert old in text
    found, findings = read(text.replace(old, new, 1))
    assert found is None
    assert [finding.partition(": the lock file is damaged: ")[2] for finding in findings] == [expected]


def test_a_version_is_there_once(lock: Lock) -> None:
    text = render_lock(replace(lock, versions=lock.versions[:1], accepted=()))
    digest = text.rpartition("digest: ")[2]
    again = read(f"{text}  - version: '1'\n    digest: {digest}")
    assert again == (None, ["CS6001 \"'1'\": the lock file is damaged: the version `1` is there twice"])


@pytest.mark.parametrize(
    "text", ["", "[]", "a", "format: 1", "format: cloudstate.io/lock/v1\nversions: [1]", "a: [", "\t"]
)
def test_what_is_no_lock_file(text: str) -> None:
    found, findings = read(text)
    assert found is None
    assert [finding.partition(" ")[0] for finding in findings] == ["CS6001"]


def test_another_format(lock: Lock) -> None:
    found, findings = read("format: cloudstate.io/lock/v2\nanything: else\n")
    assert found is None
    assert findings == ["CS6002 'cloudstate.io/lock/v2': unknown format of the lock file: `cloudstate.io/lock/v2`"]


def test_a_merge_conflict(lock: Lock) -> None:
    text = render_lock(lock).replace("versions:\n", "<<<<<<< HEAD\nversions:\n=======\n>>>>>>> other\n", 1)
    assert read(text)[1] == [
        "CS6001 '<<<<<<< HEAD': the lock file is damaged: it has the marks of a merge conflict",
    ]
