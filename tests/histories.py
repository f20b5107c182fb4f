"""Whether what clients saw of counters is a history that one counter each could have given.

A counter begins at 0. ``add`` makes it one larger and says how large it is then; ``read`` says how large it is. A
history is linearizable if every operation can be given a moment between its begin and its end so that all results
follow. Since every add has a result of its own, that can be checked without trying orders.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that was acknowledged.

    Attributes:
        counter: which.
        adds: whether it is an ``add``.
        begin, end: when its first attempt was sent and when its answer came, on one clock.
        result: what the answer said.
    """

    counter: str
    adds: bool
    begin: float
    end: float
    result: int


def violations(history: Iterable[Operation], unknown: dict[str, int] | None = None) -> list[str]:
    """Everything in a history that cannot be; empty: it is linearizable, with no loss and no duplicate.

    Args:
        unknown: how many adds of each counter were given up unanswered; each may have been made, once.
    """
    counters: dict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        counters[operation.counter].append(operation)
    return [
        f"{name}: {what}"
        for name, operations in sorted(counters.items())
        for what in _of_one(operations, (unknown or {}).get(name, 0))
    ]


def _of_one(operations: list[Operation], unknown: int) -> list[str]:
    adds: dict[int, Operation] = {}
    found: list[str] = []
    for operation in operations:
        if not operation.adds:
            continue
        if operation.result in adds:
            found.append(f"two adds made it {operation.result}: one was lost")
        adds[operation.result] = operation
    largest = max((operation.result for operation in operations), default=0)
    missing = [value for value in range(1, largest + 1) if value not in adds]
    if len(missing) > unknown:
        found.append(f"{len(missing)} adds that nobody sent, the first made it {missing[0]}: something was made twice")
    found += _in_time(operations)
    for operation in operations:
        made = adds.get(operation.result)
        if not operation.adds and made is not None and made.begin > operation.end:
            found.append(f"a read saw {operation.result} before anybody asked for it")
    return found


def _in_time(operations: list[Operation]) -> list[str]:
    """What had ended is seen by whatever begins later."""
    found: list[str] = []
    ended = sorted(operations, key=lambda operation: operation.end)
    seen, place = 0, 0
    for operation in sorted(operations, key=lambda operation: operation.begin):
        while place < len(ended) and ended[place].end < operation.begin:
            seen = max(seen, ended[place].result)
            place += 1
        if operation.adds and operation.result <= seen:
            found.append(f"an add made it {operation.result} after it was {seen}")
        elif not operation.adds and operation.result < seen:
            found.append(f"a read saw {operation.result} after it was {seen}: something was lost")
    return found
