"""The check: a spec against everything that its lock file remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from google.protobuf.descriptor_pool import DescriptorPool

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.lock.accept import acceptance_of, judged, unused
from cloudstate.compiler.lock.change import Change, Verdict
from cloudstate.compiler.lock.classify import classify
from cloudstate.compiler.lock.entities import still_read
from cloudstate.compiler.lock.record import pool_of, record
from cloudstate.compiler.lock.recorded import Lock, Stored, parts_of
from cloudstate.compiler.lock.report import diagnostic
from cloudstate.compiler.lock.samples import misread
from cloudstate.compiler.model import Service
from cloudstate.compiler.model.spec import Spec
from cloudstate.compiler.source import Source, Span


@dataclass(frozen=True, slots=True)
class Today:
    """A spec without errors, as the lock sees it."""

    spec: Spec
    stored: Stored
    pool: DescriptorPool
    services: Mapping[str, str]

    @classmethod
    def of(cls, service: Service, spec: Spec) -> Today:
        """What the service stores today; ``spec`` knows where that is written."""
        pool = pool_of(service)
        models = {entity.service: entity.model.value for entity in service.entities}
        return cls(spec, record(service, pool), pool, models)


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
    changes = classify(lock.versions, today.stored, today.services)
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
    misreadings = _misreadings(lock, today, changes)
    in_order = sorted([*findings, *misreadings], key=lambda found: found.sort_key)
    return Checked(tuple(in_order), tuple(open_), len(lock.versions), bool(misreadings))


def _misreadings(lock: Lock, today: Today, changes: Sequence[Change]) -> list[Diagnostic]:
    """Samples that are read otherwise although no rule forbids what has changed."""
    known = {change.subject.rpartition(".")[0] for change in changes if change.verdict.is_breaking}
    findings: dict[str, Diagnostic] = {}
    for version in lock.versions:
        stored = version.stored
        channels = {channel.message for channel in stored.channels if channel in today.stored.channels}
        names = channels | set(still_read(stored, today.stored, today.services))
        silent = {name for name in names if not known & parts_of(name, stored.messages)}
        for one in misread(version, today.pool, silent):
            message = today.spec.schema.messages[one.message]
            found = codes.SAMPLE_MISREAD.at(message.span, one.path, name=one.message)
            found = found.note(f"a sample of {version.name} shows {one.was}, and is read as {one.now}")
            findings.setdefault(one.message, found.help("put the message back as it was recorded"))
    return list(findings.values())
