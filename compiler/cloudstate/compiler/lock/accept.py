"""Breaks that somebody answers for: each acceptance covers one change exactly, for a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.lock.change import Change
from cloudstate.compiler.lock.recorded import Acceptance
from cloudstate.compiler.source import Span


def acceptance_of(change: Change, accepted: Sequence[Acceptance]) -> Acceptance | None:
    """The entry that covers all that is recorded of a change; the one that holds longest if there are several."""
    covering = [entry for entry in accepted if _covers(entry, change)]
    return max(covering, key=lambda entry: entry.until, default=None)


def _covers(entry: Acceptance, change: Change) -> bool:
    same = (entry.code, entry.subject, entry.now) == (change.code.id, change.subject, change.now)
    return same and set(change.was) <= set(entry.was)


def sign(change: Change, reason: str, author: str, until: date) -> Acceptance:
    """An entry for a change."""
    return Acceptance(change.code.id, change.subject, change.was, change.now, reason, author, until)


def with_entries(accepted: Sequence[Acceptance], added: Collection[Acceptance]) -> tuple[Acceptance, ...]:
    """The entries with some more; those for the same change are replaced. Sorted by code and subject."""
    kept = {(entry.code, entry.subject, entry.was, entry.now): entry for entry in (*accepted, *added)}
    return tuple(kept[key] for key in sorted(kept))


def judged(found: Diagnostic, entry: Acceptance | None, today: date, end: Span) -> tuple[Diagnostic, bool]:
    """A finding in the light of an acceptance, and whether it still stops anybody.

    Args:
        found: the finding about a breaking change.
        entry: what covers it.
        today: the day of the check.
        end: where the lock file is, for entries that are not in it yet.
    """
    if entry is None:
        return found, True
    signed = f"{entry.author}: {entry.reason}"
    if today > entry.until:
        late = found.also(entry.span or end, f"accepted until {entry.until}, and no longer")
        return late.note(f"accepted by {signed}"), True
    note = codes.ACCEPTED_BREAK.at(
        found.span, found.message, code=found.code.id, subject=entry.subject, until=entry.until.isoformat()
    )
    return replace(note, notes=(f"accepted by {signed}", *found.notes)), False


def unused(accepted: Sequence[Acceptance], changes: Sequence[Change], end: Span) -> Iterator[Diagnostic]:
    """Entries that cover nothing: the change was taken back, or is another one now."""
    used = {id(acceptance_of(change, accepted)) for change in changes}
    for entry in accepted:
        if id(entry) not in used:
            found = codes.ACCEPTANCE_UNUSED.at(entry.span or end, code=entry.code, subject=entry.subject)
            yield found.help("remove the entry from the lock file")
