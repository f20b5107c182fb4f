"""Guesses what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def closest(written: str, known: Iterable[str]) -> str:
    """The known word that is clearly closest to ``written``, or "": a wrong guess is worse than none."""
    limit = max(1, len(written) // 3)
    ranked = sorted((_distance(written.lower(), word.lower()), word) for word in set(known))
    ranked = [(distance, word) for distance, word in ranked if distance <= limit]
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return ""
    return ranked[0][1]


def closest_name(written: str, known: Iterable[str]) -> str:
    """Like ``closest`` for dotted names: the last part must be close; the whole name decides between equal ones."""
    by_short: dict[str, list[str]] = {}
    for name in sorted(set(known)):
        by_short.setdefault(name.rpartition(".")[2], []).append(name)
    short = written.rpartition(".")[2]
    names = by_short.get(short if short in by_short else closest(short, by_short), [])
    return names[0] if len(names) == 1 else closest(written, names)


def _distance(left: str, right: str) -> int:
    """Edits (insert, delete, replace, swap of neighbours) from one word to the other."""
    older: list[int] = []
    previous = list(range(len(right) + 1))
    for row, char in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            best = min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (char != other))
            if row > 1 and column > 1 and char == right[column - 2] and left[row - 2] == other:
                best = min(best, older[column - 2] + 1)
            current.append(best)
        older, previous = previous, current
    return previous[-1]
