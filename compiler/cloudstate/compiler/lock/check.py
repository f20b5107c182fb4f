"""The check: a spec against everything that its lock file remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from google.protobuf.descriptor_pool import DescriptorPool

from cloudstate.compiler.diagnostics import Diagnostic, closest_name, codes
from cloudstate.compiler.lock.accept import acceptance_of, judged, unused
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.classify import classify
from cloudstate.compiler.lock.entities import still_read
from cloudstate.compiler.lock.places import span_of
from cloudstate.compiler.lock.record import current, pool_of
from cloudstate.compiler.lock.recorded import Current, Lock, Stored, parts_of
from cloudstate.compiler.lock.report import diagnostic
from cloudstate.compiler.lock.samples import misread
from cloudstate.compiler.model import Service
from cloudstate.compiler.model.spec import Spec
from cloudstate.compiler.source import Source, Span


@dataclass(frozen=True, slots=True)
class Today:
    """A spec without errors, as the lock sees it."""

    spec: Spec
    current: Current
    pool: DescriptorPool

    @property
    def stored(self) -> Stored:
        """What the service stores today."""
        return self.current.stored

    @classmethod
    def of(cls, service: Service, spec: Spec) -> Today:
        """What the service stores today; ``spec`` knows where that is written."""
        pool = pool_of(service)
        return cls(spec, current(service, pool), pool)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found.

    Attributes:
        findings: in order, accepted breaks as notes.
        open: the breaking changes that nobody answers for.
        versions: how many versions were looked at.
    """

    findings: tuple[Diagnostic, ...]
    open: tuple[Change, ...]
    versions: int
    has_misreadings: bool = False

    @property
    def is_breaking(self) -> bool:
        """The spec must not be shipped as it is."""
        return bool(self.open) or self.has_misreadings

    def counts(self) -> Mapping[Verdict, int]:
        """How many open changes there are of each verdict, worst first."""
        verdicts = [change.verdict for change in self.open]
        return {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts), reverse=True)}


def check(lock: Lock, today: Today, day: date, file: str) -> Checked:
    """Hold the spec against all recorded versions.

    Args:
        lock: what is recorded.
        today: what the spec says.
        day: the day on which acceptances have to hold.
        file: how the lock file is called in findings.
    """
    changes = classify(lock.versions, today.current)
    end = Span(Source(file))
    findings: list[Diagnostic] = []
    open_: list[Change] = []
    for change in changes:
        found = diagnostic(change, today.spec)
        if change.verdict.is_breaking:
            found, stops = judged(found, acceptance_of(change, lock.accepted), day, end)
            open_ += [change] if stops else []
        findings.append(found)
    findings += unused(lock.accepted, changes, end)
    findings += _unused_upcasters(lock, today)
    misreadings = _misreadings(lock, today, changes)
    in_order = sorted([*findings, *misreadings], key=lambda found: found.sort_key)
    return Checked(tuple(in_order), tuple(open_), len(lock.versions), bool(misreadings))


def _unused_upcasters(lock: Lock, today: Today) -> Iterator[Diagnostic]:
    """Upcasters from what no version has stored: misspelt, or declared in the wrong place."""
    for type_, upcasters in today.current.upcasters.items():
        entities = [entity for version in lock.versions if (entity := version.stored.entities.get(type_)) is not None]
        stored = {name for entity in entities for name in (entity.state, *entity.events)}
        service = today.stored.entities[type_].service if upcasters else ""
        for source in sorted(upcasters.keys() - stored):
            found = codes.UPCASTER_UNUSED.at(
                span_of(Place(PlaceKind.UPCASTER, service, source), today.spec), name=source
            )
            found = found.did_you_mean(closest_name(source, stored - {""}), found.span)
            yield found if found.helps else found.help("remove it, or name what was stored")


def _changed(old: Stored, new: Stored) -> set[str]:
    """The messages and enums of a version that are others today, or gone."""
    messages = {name for name, message in old.messages.items() if new.messages.get(name) != message}
    return messages | {name for name, enum in old.enums.items() if new.enums.get(name) != enum}


def _suspects(names: Mapping[str, str], old: Stored, changed: set[str], known: set[str]) -> Mapping[str, str]:
    """The messages, with what they are decoded as, that have changed in some part without a finding that says so."""
    suspects = {}
    for name, decoded_as in names.items():
        if changed or name != decoded_as:
            parts = parts_of(name, old.messages)
            if (name != decoded_as or parts & changed) and not parts & known:
                suspects[name] = decoded_as
    return suspects


def _misreadings(lock: Lock, today: Today, changes: Sequence[Change]) -> list[Diagnostic]:
    """Samples that are read otherwise although no rule forbids what has changed."""
    known = {change.subject.rpartition(".")[0] for change in changes if change.verdict.is_breaking}
    findings: dict[str, Diagnostic] = {}
    for version in lock.versions:
        stored = version.stored
        names = {channel.message: channel.message for channel in stored.channels if channel in today.stored.channels}
        names |= still_read(stored, today.current)
        suspects = _suspects(names, stored, _changed(stored, today.stored), known)
        for one in misread(version, today.pool, suspects) if suspects else ():
            message = today.spec.schema.messages[suspects[one.message]]
            found = codes.SAMPLE_MISREAD.at(message.span, one.path, name=one.message)
            found = found.note(f"a sample of {version.name} shows {one.was}, and is read as {one.now}")
            findings.setdefault(one.message, found.help("put the message back as it was recorded"))
    return list(findings.values())
