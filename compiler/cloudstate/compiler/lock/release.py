"""The release: what a spec stores today becomes a version of the lock file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count

from cloudstate.compiler.diagnostics import Code, Diagnostic, codes
from cloudstate.compiler.lock.accept import sign, with_entries
from cloudstate.compiler.lock.change import Change
from cloudstate.compiler.lock.check import Checked, Today, check
from cloudstate.compiler.lock.record import sampled
from cloudstate.compiler.lock.recorded import Lock, Version
from cloudstate.compiler.lock.samples import samples_of

_ANY = "google.protobuf.Any"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who accepts certain findings, why, and until when.

    Attributes:
        accepted: code and subject of findings; "" stands for all subjects.
    """

    accepted: Collection[tuple[Code, str]]
    reason: str
    author: str
    until: date


@dataclass(frozen=True, slots=True)
class Released:
    """What a release has led to.

    Attributes:
        lock: what the file is to say; None where there are findings that forbid the release.
        checked: what was found.
        name: the version that has what the spec stores.
        is_new: the version was added; otherwise it is the newest one, and nothing has changed since.
        unused: what was to be accepted and was not found.
    """

    lock: Lock | None
    checked: Checked
    name: str
    is_new: bool
    unused: tuple[tuple[Code, str], ...] = ()


def release(lock: Lock, today: Today, name: str | None, signature: Signature | None, day: date, file: str) -> Released:
    """Add a version, unless something breaks or nothing has changed.

    Args:
        lock: what is recorded so far.
        name: the name of the version; by default the next number.
        signature: what is accepted in addition to what the lock says.
        day, file: as for ``check``.
    """
    checked = check(lock, today, day, file)
    unused: tuple[tuple[Code, str], ...] = ()
    if signature is not None:
        named = {one: [change for change in checked.open if _is_meant(change, *one)] for one in signature.accepted}
        unused = tuple(one for one, changes in named.items() if not changes)
        signed = [change for changes in named.values() for change in changes]
        entries = [sign(change, signature.reason, signature.author, signature.until) for change in signed]
        lock = replace(lock, accepted=with_entries(lock.accepted, entries))
        checked = check(lock, today, day, file)
    version = _version(lock, today, name)
    is_new = not lock.versions or lock.versions[-1].stored != version.stored
    if is_new and name is not None and any(known.name == name for known in lock.versions):
        taken = codes.VERSION_RECORDED.at(today.spec.name.span, name=name)
        taken = taken.help("give the release a name of its own; a version that is recorded does not change")
        checked = replace(checked, findings=(*checked.findings, taken))
        return Released(None, checked, name, is_new, unused)
    if checked.is_breaking:
        return Released(None, checked, version.name, is_new, unused)
    if not is_new:
        return Released(lock, checked, lock.versions[-1].name, False, unused)
    checked = replace(checked, findings=(*checked.findings, *_any_notes(today)))
    return Released(replace(lock, versions=(*lock.versions, version)), checked, version.name, True, unused)


def _is_meant(change: Change, code: Code, subject: str) -> bool:
    return change.code is code and subject in ("", change.subject)


def _version(lock: Lock, today: Today, name: str | None) -> Version:
    known = {version.name for version in lock.versions}
    free = next(str(number) for number in count(len(known) + 1) if str(number) not in known)
    return Version(name or free, today.stored, samples_of(today.pool, sampled(today.stored)))


def _any_notes(today: Today) -> Iterator[Diagnostic]:
    """What can be stored and has no schema that could be recorded."""
    for message in today.stored.messages.values():
        for field in message.fields:
            if field.type == _ANY:
                declared = today.spec.schema.messages[message.name].field(field.name)
                span = declared.span if declared is not None else today.spec.name.span
                found = codes.ANY_STORED.at(span, "a `google.protobuf.Any`", name=f"{message.name}.{field.name}")
                yield found.help("never rename or change a message that is put into it, or use a oneof instead")
