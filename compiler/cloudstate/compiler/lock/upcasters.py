"""Upcasters and recorded samples: what there is to try, and findings about what failed.

The trying itself is done elsewhere: it runs the author's code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.lock.change import Place, PlaceKind
from cloudstate.compiler.lock.check import Today
from cloudstate.compiler.lock.places import span_of
from cloudstate.compiler.lock.recorded import Lock


@dataclass(frozen=True, slots=True)
class Trial:
    """A sample that an entity has to read.

    Attributes:
        entity: the type of the entity.
        message: the name under which it is stored.
        version: the version that recorded it.
        sample: its encoding.
    """

    entity: str
    message: str
    version: str
    sample: bytes


def trials(lock: Lock, today: Today) -> Iterator[Trial]:
    """All samples that upcasters read today; each encoding once."""
    for entity, upcasters in today.current.upcasters.items():
        seen: set[tuple[str, bytes]] = set()
        for version in lock.versions:
            for message in upcasters:
                for sample in version.samples.get(message, ()):
                    if (message, sample) not in seen:
                        seen.add((message, sample))
                        yield Trial(entity, message, version.name, sample)


def failures(failed: Iterable[tuple[Trial, str]], today: Today) -> tuple[Diagnostic, ...]:
    """A finding for each upcaster that failed, given with what it raised; the first failure is shown."""
    found: dict[tuple[str, str], Diagnostic] = {}
    for trial, error in failed:
        place = Place(PlaceKind.UPCASTER, today.stored.entities[trial.entity].service, trial.message)
        finding = codes.UPCASTER_FAILED.at(span_of(place, today.spec), error, name=trial.message)
        finding = finding.note(f"with a sample of version {trial.version}: {trial.sample.hex() or 'the empty message'}")
        finding = finding.help("make the upcaster read whatever the old releases could store")
        found.setdefault((trial.entity, trial.message), finding)
    return tuple(found.values())
