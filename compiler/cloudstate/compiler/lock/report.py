"""From changes to findings: what is wrong, where, how it was recorded, what it means, and what to do."""

from __future__ import annotations

from cloudstate.compiler.diagnostics import Diagnostic
from cloudstate.compiler.lock.change import Change, PlaceKind, Verdict
from cloudstate.compiler.lock.places import span_of
from cloudstate.compiler.model.spec import Spec

_MANY = 4


def diagnostic(change: Change, spec: Spec) -> Diagnostic:
    """The finding of a change."""
    label = f"now `{change.now}`" if change.now else "no longer here"
    found = change.code.at(span_of(change.place, spec), label, name=change.subject)
    for text, versions in zip(change.was, change.versions, strict=True):
        found = found.note(f"recorded in {_listed(versions)}: `{text}`" if text else f"not in {_listed(versions)}")
    if change.verdict.is_breaking:
        found = found.note(f"verdict: {change.verdict}" + (f": {change.why}" if change.why else ""))
    if change.verdict is Verdict.NEEDS_REBUILD and change.place.kind in (PlaceKind.MESSAGE, PlaceKind.ENUM):
        found = found.note("only snapshots hold it, which events can make again")
    return found.help(change.help) if change.help else found


def _listed(versions: tuple[str, ...]) -> str:
    if len(versions) <= _MANY:
        return ", ".join(versions)
    return f"{', '.join(versions[:1])} to {versions[-1]} ({len(versions)} versions)"
