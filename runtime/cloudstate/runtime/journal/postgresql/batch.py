"""What one statement writes: a batch of appends as arrays, and what became of each append. Pure.

Appends of one entity that wait together are a chain, each expecting what the one before leaves. The database checks the
chain's beginning and writes the chain whole or not at all; what does not continue the chain is decided afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cloudstate.runtime.journal.errors import Fenced, JournalError, WrongExpectedSequence
from cloudstate.runtime.journal.port import AppendEvents, EntityKey, Fence, WriteValue

Append: TypeAlias = AppendEvents | WriteValue

#: The shard of appends without a fence, and an epoch that none exceeds.
NO_SHARD = ""
_ANY_EPOCH = 2**62


@dataclass(slots=True)
class Chain:
    """The appends of one entity.

    Attributes:
        number: of the entity, within the batch.
        expected: where the entity has to be.
        after: where it is then.
        appends: their places in the batch, with the sequence that each leaves; None: it does not continue the chain.
    """

    number: int
    entity: EntityKey
    fence: Fence | None
    expected: int
    after: int
    appends: list[tuple[int, int | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Batch:
    """The longest beginning of what waits that one statement can write.

    Attributes:
        appends: these appends.
        chains: by entity.
        arguments: of the statement.
    """

    appends: Sequence[Append]
    chains: dict[EntityKey, Chain]
    arguments: tuple[Any, ...]


def lay_out(waiting: Sequence[Append], time: float) -> Batch:
    """Lay out a batch.

    Args:
        time: wall time of the batch, in seconds since the Unix epoch.
    """
    chains: dict[EntityKey, Chain] = {}
    fences: dict[str, int] = {}
    events: list[tuple[int, int, int, str, bytes]] = []
    states: dict[int, tuple[int, int, str | None, bytes | None, str]] = {}
    answers: dict[tuple[int, int], tuple[int, int, bytes, bytes]] = {}
    count = 0
    for place, append in enumerate(waiting):
        shard, epoch = append.fence or (NO_SHARD, _ANY_EPOCH)
        chain = chains.get(append.entity)
        if fences.setdefault(shard, epoch) != epoch or (chain is not None and chain.fence != append.fence):
            break  # two owners of one shard, or of one entity: one after the other
        count = place + 1
        if chain is None:
            chain = Chain(len(chains), append.entity, append.fence, append.expected, append.expected)
            chains[append.entity] = chain
        elif append.expected != chain.after:
            chain.appends.append((place, None))
            continue
        number = chain.number
        if isinstance(append, WriteValue):
            chain.after += 1
            url, value = (None, None) if append.value is None else append.value
            states[number] = (number, chain.after, url, value, "")
        else:
            for url, value in append.events:
                chain.after += 1
                events.append((number, len(events), chain.after, url, value))
            if append.snapshot is not None:
                url, value = append.snapshot
                states[number] = (number, chain.after, url, value, append.schema)
        if append.answer is not None:
            kept = append.answer
            answers[number, kept.number] = (number, kept.number, kept.command_id.encode(), kept.reply)
        chain.appends.append((place, chain.after))
    entities = [
        (it.number, it.entity.type.encode(), it.entity.id.encode(), it.expected, it.after, _shard(it.fence))
        for it in chains.values()
    ]
    wanted = [(shard.encode(), epoch) for shard, epoch in fences.items()]
    arguments = (
        *_columns(entities, 6),
        *_columns(wanted, 2),
        *_columns(events, 5),
        time,
        *_columns(list(states.values()), 5),
        *_columns(list(answers.values()), 4),
    )
    return Batch(waiting[:count], chains, arguments)


def _shard(fence: Fence | None) -> bytes:
    return (NO_SHARD if fence is None else fence.shard).encode()


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def written(batch: Batch, chain: Chain) -> dict[int, int | JournalError]:
    """What became of the appends of a chain that was written, by their places."""
    return {
        place: after if after is not None else _wrong(batch.appends[place], chain.after)
        for place, after in chain.appends
    }


def refused(batch: Batch, chain: Chain, epoch: int, sequence: int) -> dict[int, JournalError | None]:
    """What became of the appends of a chain that was not written; None: it is to be tried again.

    Args:
        epoch: of the shard, as it is.
        sequence: of the entity, as it is.
    """
    results: dict[int, JournalError | None] = {}
    fits = False
    for place, _ in chain.appends:
        append = batch.appends[place]
        if chain.fence is not None and epoch > chain.fence.epoch:
            results[place] = Fenced(shard=chain.fence.shard, epoch=chain.fence.epoch, actual=epoch)
            continue
        fits = fits or append.expected == sequence
        results[place] = None if fits else _wrong(append, sequence)
    return results


def _wrong(append: Append, actual: int) -> WrongExpectedSequence:
    entity = append.entity
    return WrongExpectedSequence(entity_type=entity.type, entity_id=entity.id, expected=append.expected, actual=actual)
