"""Changes of schemas with known verdicts: what the lock says of each, held against a journal and against people.

A case is safe if a journal written by its older releases is read by today's service as it was written. The people who
wrote the cases have said so as well, and the two are held against each other first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import pytest
from tests.conformance.schema_changes.draft import Case, Draft, Mutation
from tests.conformance.schema_changes.journal import Release, can_go_on
from tests.conformance.schema_changes.mutations import (
    entities,
    enums,
    fields,
    histories,
    labels,
    messages,
    oneofs,
    scalars,
    upcasters,
)
from tests.conformance.schema_changes.report import report_of

from cloudstate.compiler.frontend import lower, read
from cloudstate.compiler.inputs import Input
from cloudstate.compiler.lock import Verdict, Version, classify, current, pool_of
from cloudstate.compiler.model import Service

BASE = Path(__file__).parent / "base"
ROOMS = (scalars, fields, labels, oneofs, enums, messages, entities, histories, upcasters)
CASES = [case for room in ROOMS for case in room.cases()]
#: Of the changes that are safe, so many percent may be called breaking.
MAX_FALSE_BREAKING = 3
COMBINATIONS = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """A case with what the lock and the journal make of it."""

    case: Case
    lock: Verdict
    is_safe_by_journal: bool

    @property
    def is_safe(self) -> bool:
        """The known verdict."""
        return self.case.verdict == "safe" if self.case.verdict else self.is_safe_by_journal


@pytest.fixture(scope="module")
def base() -> Service:
    spec, findings = read(Input(BASE / "service.yaml", "service.yaml"))
    assert spec is not None
    assert findings == ()
    return lower(spec)


@pytest.fixture(scope="module")
def judged(base: Service) -> list[Judged]:
    return [judge(case, base) for case in CASES]


def judge(case: Case, base: Service) -> Judged:
    *older, today = releases_of(case, base)
    return Judged(case, verdict(older, today), all(can_go_on(release(service), Release(today)) for service in older))


def releases_of(case: Case, base: Service) -> list[Service]:
    """The releases of a case; the last one is today's spec."""
    drafts = [Draft.of(base)]
    for mutation in case.mutations:
        drafts.append(drafts[-1].copy())
        mutation(drafts[-1])
    return [draft.built() for draft in drafts]


@lru_cache(maxsize=4)
def release(service: Service) -> Release:
    """The release with its journal, which is the same for all cases that begin alike."""
    return Release(service)


def verdict(older: Sequence[Service], today: Service) -> Verdict:
    versions = [
        Version(str(number), current(service, pool_of(service)).stored) for number, service in enumerate(older, 1)
    ]
    changes = classify(versions, current(today, pool_of(today)))
    return max((change.verdict for change in changes), default=Verdict.SAFE)


def test_there_are_enough_cases() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) >= 200


def test_the_counts_are_within_their_bounds(
    judged: list[Judged], record_testsuite_property: Callable[[str, object], None]
) -> None:
    """The one line to quote: ``pytest -rP`` prints it, ``--junitxml`` has its numbers as properties."""
    report = report_of((one.is_safe, one.lock is Verdict.SAFE, one.lock.is_breaking) for one in judged)
    counts = {**asdict(report), "false_breaking_percent": report.false_breaking_percent}
    for name, count in counts.items():
        record_testsuite_property(f"schema-changes.{name}", count)
    print(json.dumps(counts))
    assert report.pairs >= 200
    assert 0 < report.safe < report.pairs
    assert report.false_safe == 0
    assert report.false_breaking_percent <= MAX_FALSE_BREAKING


def test_people_and_the_journal_agree(judged: list[Judged]) -> None:
    known = [one for one in judged if one.case.journal_knows]
    assert [one.case.name for one in known if one.is_safe is not one.is_safe_by_journal] == []


def test_nothing_is_called_safe_that_is_not(judged: list[Judged]) -> None:
    assert [one.case.name for one in judged if one.lock is Verdict.SAFE and not one.is_safe] == []


def test_hardly_anything_is_called_breaking_that_is_not(judged: list[Judged]) -> None:
    safe = [one for one in judged if one.is_safe]
    wrong = [one.case.name for one in safe if one.lock.is_breaking]
    assert len(wrong) * 100 <= MAX_FALSE_BREAKING * len(safe), wrong


def test_the_verdict_says_what_is_to_be_done(judged: list[Judged]) -> None:
    named = [one for one in judged if one.case.verdict not in (None, "breaking")]
    assert [(one.case.name, str(one.lock)) for one in named if str(one.lock) != one.case.verdict] == []


def test_changes_that_come_together(base: Service, judged: list[Judged]) -> None:
    """Several cases at once, each of them safe by itself. What is not safe together is not called so."""
    safe = [one.case for one in judged if one.is_safe and len(one.case.mutations) == 1]
    tried, wrong = 0, []
    for case in combinations(safe, Random(COMBINATIONS)):
        try:
            found = judge(case, base)
        except (StopIteration, TypeError, KeyError):
            continue  # One change has taken away what another one would change.
        tried += 1
        if found.lock is Verdict.SAFE and not found.is_safe_by_journal:
            wrong.append(case.name)
    assert wrong == []
    assert tried > COMBINATIONS / 2


def combinations(cases: Sequence[Case], chance: Random) -> Iterator[Case]:
    """Cases made of several others."""
    for _ in range(COMBINATIONS):
        chosen = chance.sample(cases, chance.randint(2, 5))
        name = ", and ".join(case.name for case in chosen)
        yield Case(name, (at_once([case.mutations[0] for case in chosen]),))


def at_once(mutations: Sequence[Mutation]) -> Mutation:
    def change(draft: Draft) -> None:
        for mutation in mutations:
            mutation(draft)

    return change
