"""The lock's verdicts, counted: how many pairs of schemas, and how many of them it judges wrongly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of pairs: what older releases have stored, and today's schema.

    Attributes:
        pairs: all of them.
        safe: those known to be safe; the others are known to break something, or to need an upcaster or a rebuild.
        false_safe: called safe, and not.
        false_breaking: called breaking, and safe.
    """

    pairs: int
    safe: int
    false_safe: int
    false_breaking: int

    @property
    def false_breaking_percent(self) -> float:
        """Of what is safe."""
        return round(100 * self.false_breaking / self.safe, 2) if self.safe else 0.0


def report_of(pairs: Iterable[tuple[bool, bool, bool]]) -> Report:
    """Count pairs, each of which is (is safe, is called safe, is called breaking)."""
    found = list(pairs)
    return Report(
        pairs=len(found),
        safe=sum(is_safe for is_safe, _, _ in found),
        false_safe=sum(called_safe and not is_safe for is_safe, called_safe, _ in found),
        false_breaking=sum(called_breaking and is_safe for is_safe, _, called_breaking in found),
    )
