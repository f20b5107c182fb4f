"""The base classes of entities. Generated code derives typed abstract classes from them; the author implements those.

One object of the author's class serves all entities of its type; what belongs to one entity travels in the context.
"""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar, Generic, TypeVar

from google.protobuf.message import Message

from cloudstate.runtime.authoring.data import Data
from cloudstate.runtime.authoring.definition import ActionType, CrdtType, EventSourcedType, ValueType

S = TypeVar("S", bound=Message)
D = TypeVar("D", bound=Data)


class EventSourcedEntity(ABC, Generic[S]):
    """An entity whose state is the fold of its events.

    Command handlers decide and emit; event handlers compute the next state and must depend on nothing else, since they
    run again at every replay.
    """

    definition: ClassVar[EventSourcedType]

    def empty_state(self, entity_id: str) -> S:
        """The state before the first event: an empty message unless overridden."""
        return self.definition.state()  # type: ignore[return-value]


class ValueEntity(ABC, Generic[S]):
    """An entity whose state is one value, replaced as a whole."""

    definition: ClassVar[ValueType]


class CrdtEntity(ABC, Generic[D]):
    """An entity that every node of a cluster has a copy of; what each of them changes is merged."""

    definition: ClassVar[CrdtType]

    def data_of(self, entity_id: str) -> tuple[type[Data], type[Any] | None]:
        """The type of an entity's value, and of its elements: those of the definition unless overridden."""
        return self.definition.data, self.definition.element


class Action(ABC):
    """A stateless service: any of the four rpc shapes, with forwards and side effects."""

    definition: ClassVar[ActionType]
