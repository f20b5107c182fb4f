"""All that is known of one CRDT entity: its generation, and in it a state, or that it was deleted.

A deletion ends a generation for good: it wins over every change that was made in it, on whichever node and whenever it
arrives. The entity may be created again, in the next generation; what is said of older ones no longer counts. Two nodes
that create it again at the same time make the same generation, and merge.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudstate.runtime.crdt.context import Context, Dot
from cloudstate.runtime.crdt.datatype import Audience, Author, Change, Value
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.crdt.state import State, merge, mutate, value_of


@dataclass(frozen=True, slots=True)
class Record:
    """An entity. Invariant: ``state`` is None if it was deleted.

    Attributes:
        generation: how often the entity was deleted before.
        state: None where nobody has settled the type yet.
        deleted: this generation is over. Such a record is a tombstone.
    """

    generation: int = 0
    state: State | None = None
    deleted: bool = False


#: An entity that nobody has heard of.
UNKNOWN = Record()


def changed(record: Record, change: Change, author: Author, shown: State | None = None) -> Record:
    """Make a change; gives the delta, a record too. A deleted entity is created again.

    Args:
        shown: what the maker of the change has seen of the state; all of it if None is given.

    Raises:
        ChangeRefused: the change does not fit what was shown.
    """
    if record.deleted:
        return Record(record.generation + 1, mutate(State(change.kind), change, author))
    known = record.state or State(change.kind)
    return Record(record.generation, mutate(shown or known, change, author, known.context))


def deleted(record: Record) -> Record:
    """The delta that deletes; deleting again changes nothing."""
    return Record(record.generation, None, deleted=True)


def created(record: Record, kind: Kind) -> Record:
    """The delta that settles the type of an entity without changing it."""
    generation = record.generation + 1 if record.deleted else record.generation
    return Record(generation, State(kind))


def merged(a: Record, b: Record) -> Record:
    """What both know.

    Raises:
        KindConflict: they hold different types in the same generation.
    """
    if a.generation != b.generation:
        return max(a, b, key=lambda record: record.generation)
    if a.deleted or b.state is None:
        return b if b.deleted else a
    if b.deleted or a.state is None:
        return b
    state = merge(a.state, b.state)
    return a if state is a.state else Record(a.generation, state)


def follows(delta: Record, known: Record, after: Dot) -> bool:
    """True if everything is known that was there when a change was made, of its author and of what it takes back.

    A change of a counter stands for all earlier ones of its author: merged while one of them is not known, it makes a
    value that never was. What does not follow is not to be merged; more must be asked for.

    Args:
        delta: the change, or several of one author.
        after: the author's latest dot before it.
    """
    if delta.state is None or delta.generation < known.generation:
        return True
    context = Context()
    if delta.generation == known.generation:
        if known.deleted:
            return True
        context = known.state.context if known.state is not None else context
    if not context.reaches(after):
        return False
    return all(dot.node == after.node or dot in context for dot in delta.state.context)


def shown(record: Record, audience: Audience) -> Value | None:
    """What a user function sees of it; None if it does not exist."""
    return None if record.state is None else value_of(record.state, audience)
