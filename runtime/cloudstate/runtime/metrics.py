"""What a runtime counts, and the text in which Prometheus reads it (protocol.md section 2.15).

Plain numbers that the event loop's thread adds to: no locks, because nobody else writes, and no labels to look up,
because each entity type has an object of its own.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Upper bounds of histograms, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
#: What a summary says of the last SLOTS times SLOT_SECONDS seconds.
QUANTILES = (0.5, 0.95, 0.99, 1.0)
SLOTS, SLOT_SECONDS = 6, 10.0
#: A summary knows its durations as powers of this.
_BASE = 1.05


class Histogram:
    """How often a duration fell into which bucket, in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Summary:
    """How many durations there were, their sum, and quantiles of those of the last minute, in seconds.

    Quantiles are up to five percent too high: durations are rounded up, so that a minute takes little memory whatever
    happens in it.
    """

    __slots__ = ("_monotonic", "_slots", "count", "total")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.count = 0
        self.total = 0.0
        self._monotonic = monotonic
        self._slots: deque[tuple[int, Counter[int]]] = deque(maxlen=SLOTS)

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.count += 1
        self.total += seconds
        number = self._number()
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, Counter()))
        self._slots[-1][1][math.ceil(math.log(max(seconds, 1e-6), _BASE))] += 1

    def quantiles(self) -> list[float]:
        """Of each of QUANTILES the duration that so many did not exceed; NaN if there were none of late."""
        first = self._number() - SLOTS + 1
        recent: Counter[int] = Counter()
        for number, powers in self._slots:
            if number >= first:
                recent.update(powers)
        return [_quantile(recent, quantile) for quantile in QUANTILES]

    def _number(self) -> int:
        return int(self._monotonic() // SLOT_SECONDS)


def _quantile(powers: Counter[int], quantile: float) -> float:
    missing = math.ceil(powers.total() * quantile)
    for power, count in sorted(powers.items()):
        missing -= count
        if missing <= 0:
            return float(_BASE**power)
    return math.nan


#: What is counted of each entity type: name without prefix and ``_total``, and what it means.
COUNTERS = {
    "activated_entities": "Entities that were read from the journal into memory.",
    "passivated_entities": "Entities that left memory.",
    "failed_entities": "Entities that could not be read, or whose function was lost.",
    "received_commands": "Commands that arrived.",
    "stashed_commands": "Commands that had to wait for their entity.",
    "unstashed_commands": "Commands that had waited and were handled.",
    "failed_commands": "Commands that ended in a failure.",
    "completed_commands": "Commands that ended otherwise.",
    "persisted_events": "Events that were written.",
    "persisted_event_bytes": "Their size.",
    "loaded_events": "Events that were read.",
    "loaded_event_bytes": "Their size.",
    "persisted_snapshots": "Snapshots and values that were written.",
    "persisted_snapshot_bytes": "Their size.",
    "loaded_snapshots": "Snapshots and values that were read.",
    "loaded_snapshot_bytes": "Their size.",
}
HISTOGRAMS = {
    "recovery_time": "Reading an entity from the journal.",
    "command_stash_time": "From the arrival of a command that had to wait until it is given to the function.",
    "command_processing_time": "From giving a command to the function until it has answered.",
    "command_total_time": "From the arrival of a command until its answer leaves.",
    "persist_time": "Writing to the journal.",
}
SUMMARIES = {"entity_active_time": "From when an entity has been read into memory until it leaves it."}


class EntityMetrics:
    """What is counted of one entity type.

    Args:
        prefix: the state model's part of every name, e.g. ``cloudstate_eventsourced``.
        entity_type: the value of the label ``entity_name``.
        monotonic: gives the time in seconds.
    """

    def __init__(self, prefix: str, entity_type: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.prefix = prefix
        self.entity_type = entity_type
        self.activated_entities = self.passivated_entities = self.failed_entities = 0
        self.received_commands = self.stashed_commands = self.unstashed_commands = 0
        self.failed_commands = self.completed_commands = 0
        self.persisted_events = self.persisted_event_bytes = 0
        self.loaded_events = self.loaded_event_bytes = 0
        self.persisted_snapshots = self.persisted_snapshot_bytes = 0
        self.loaded_snapshots = self.loaded_snapshot_bytes = 0
        self.recovery_time = Histogram()
        self.command_stash_time = Histogram()
        self.command_processing_time = Histogram()
        self.command_total_time = Histogram()
        self.persist_time = Histogram()
        self.entity_active_time = Summary(monotonic)


class Figure(NamedTuple):
    """One number of the whole process.

    Attributes:
        name: in full.
        kind: ``counter`` or ``gauge``.
        meaning: one sentence.
    """

    name: str
    kind: str
    meaning: str
    value: float


#: What a process shows of itself.
Metrics: TypeAlias = "Iterable[EntityMetrics | Figure]"


def render(metrics: Metrics, names: Iterable[str] = ()) -> str:
    """The text that a scrape gets.

    Args:
        names: only metrics of these names; none: all.
    """
    shown = list(metrics)
    listed = sorted((it for it in shown if isinstance(it, EntityMetrics)), key=lambda it: (it.prefix, it.entity_type))
    wanted = set(names)
    lines: list[str] = []
    for prefix in dict.fromkeys(it.prefix for it in listed):
        of_model = [it for it in listed if it.prefix == prefix]
        for name, meaning in COUNTERS.items():
            full = f"{prefix}_{name}_total"
            if not wanted or full in wanted:
                lines += _head(full, meaning, "counter")
                lines += [f"{full}{_label(it)} {getattr(it, name)}" for it in of_model]
        for name, meaning in HISTOGRAMS.items():
            full = f"{prefix}_{name}_seconds"
            if not wanted or full in wanted:
                lines += _head(full, meaning, "histogram")
                lines += [line for it in of_model for line in _histogram(full, it, getattr(it, name))]
        for name, meaning in SUMMARIES.items():
            full = f"{prefix}_{name}_seconds"
            if not wanted or full in wanted:
                lines += _head(full, meaning, "summary")
                lines += [line for it in of_model for line in _summary(full, it, getattr(it, name))]
    for it in shown:
        if isinstance(it, Figure) and (not wanted or it.name in wanted):
            lines += [*_head(it.name, it.meaning, it.kind), f"{it.name} {it.value}"]
    return "".join(f"{line}\n" for line in lines)


def _head(name: str, meaning: str, kind: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _label(metrics: EntityMetrics, more: str = "") -> str:
    escaped = metrics.entity_type.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{entity_name="{escaped}"{more}}}'


def _histogram(name: str, metrics: EntityMetrics, histogram: Histogram) -> Iterator[str]:
    seen = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
        seen += count
        le = f',le="{bound}"'
        yield f"{name}_bucket{_label(metrics, le)} {seen}"
    yield f"{name}_sum{_label(metrics)} {histogram.total!r}"
    yield f"{name}_count{_label(metrics)} {seen}"


def _summary(name: str, metrics: EntityMetrics, summary: Summary) -> Iterator[str]:
    for quantile, seconds in zip(QUANTILES, summary.quantiles(), strict=True):
        of = f',quantile="{quantile}"'
        yield f"{name}{_label(metrics, of)} {'NaN' if math.isnan(seconds) else repr(seconds)}"
    yield f"{name}_sum{_label(metrics)} {summary.total!r}"
    yield f"{name}_count{_label(metrics)} {summary.count}"
