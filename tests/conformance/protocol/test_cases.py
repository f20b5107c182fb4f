"""The data of the kit's cases: complete, well formed, and each case played or excluded in its roles."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance.protocol import models_crdt as crdt
from tests.conformance.protocol.case import CASES, CaseInvalid, Role, load_cases, read
from tests.conformance.protocol.case_crdt import AskCrdt, Begin, Cancel, Tell, Watch
from tests.conformance.protocol.exclusions import exclusions

#: How many cases of each kind the kit has (protocol.md section 6.4).
KIT = {"D": 1, "A": 34, "AP": 9, "V": 19, "VP": 5, "E": 21, "EP": 5, "C": 82, "CP": 6, "R": 1, "L": 3}
#: The models that have a player in each role.
PLAYED = {
    Role.FUNCTION: {"event-sourced", "value", "action", "crdt", "discovery"},
    Role.PROXY: {"event-sourced", "value", "action", "crdt", "discovery", "reflection", "eventing"},
    Role.STACK: {"event-sourced", "value", "action", "crdt", "discovery", "reflection", "eventing"},
}


def test_each_case_of_the_kit_is_there_once() -> None:
    ids = [case.id for path in CASES.glob("*.yaml") for case in read(path)]
    kit = [f"{kind}{number}" for kind, count in KIT.items() for number in range(1, count + 1)]
    assert len(kit) == 186
    assert sorted(ids) == sorted(kit)


@pytest.mark.parametrize("role", Role)
def test_what_is_not_played_is_excluded(role: Role) -> None:
    known = exclusions(role)
    cases = load_cases(role)
    silent = {case.id for case in cases if case.model not in PLAYED[role]}
    assert silent == {name for name, exclusion in known.items() if not exclusion.played} & {case.id for case in cases}
    assert {name for name, exclusion in known.items() if exclusion.played} <= {case.id for case in cases}


@pytest.mark.parametrize("role", Role)
def test_what_cases_of_replicated_entities_say_are_messages(role: Role) -> None:
    for case in load_cases(role, "crdt"):
        entity_id = ""
        for step in case.steps:
            match step:
                case Begin():
                    entity_id = step.begin
                    crdt.init(step)
                case Tell():
                    crdt.told(step.tell)
                case AskCrdt() | Watch():
                    crdt.command(entity_id, 1, step)
                    crdt.in_order(crdt.answer(1, step))
                case Cancel():
                    crdt.in_order(crdt.cancelled(1, step))
            for message in getattr(step, "then", ()):
                crdt.further(1, message)


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("{id: E1, steps: [{jump: 1}]}", "cases.yaml: case E1: has a step of no known kind: {'jump': 1}"),
        ("{id: E1, steps: [{ask: [], reply: no}]}", "`reply` has to be a text, not False: quote it"),
        ("{id: E1, steps: [{ask: []}]}", "needs one answer"),
        ("{id: E1, steps: [{ask: [], reply: x, failure: y}]}", "needs one answer"),
        ("{id: E1, steps: [{ask: [], reply: x, event: [y]}]}", "event"),
        ("{id: E1, call: sideways, requests: [], responses: []}", "there is no shape `sideways`"),
        ("{id: E1, more: 1, steps: [{open: {}}]}", "has more than steps: more"),
        ("{steps: []}", "'id'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, case: str, text: str) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(f"model: event-sourced\nroles: [function]\ncases:\n  - {case}\n")
    with pytest.raises(CaseInvalid) as told:
        list(read(path))
    assert text in str(told.value)


@pytest.mark.parametrize(
    "step",
    [
        "{begin: Flag-1, delta: {flag: 1}}",
        "{tell: {gcounter: x}}",
        "{ask: [], reply: {gset: [b, a]}}",
        "{ask: [], reply: {ormap: {GSet-1: {gcounter: 1}}}}",
        "{ask: [], reply: {flag: true}, consistency: SOME}",
        "{watch: w, reply: {flag: true}, empty: true}",
        "{cancel: w, update: {lwwregister: {value: x, clock: SUNDIAL}}}",
    ],
)
def test_mistakes_in_values_are_told(tmp_path: Path, step: str) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(f"model: crdt\nroles: [function]\ncases:\n  - {{id: C1, steps: [{step}]}}\n")
    with pytest.raises(CaseInvalid):
        list(read(path))
