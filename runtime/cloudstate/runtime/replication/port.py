"""What replication needs: to know who is there, and the entities that it keeps alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from cloudstate.runtime.crdt import Audience, Dot, Record


class Membership(Protocol):
    """Who takes part in the cluster.

    Attributes:
        me: this process; letters, digits, ``-``, ``_``, and ``.`` between them. No other process ever has the same,
            nor this one after a restart.
    """

    @property
    def me(self) -> str: ...

    def members(self) -> frozenset[str]:
        """The processes that are there now, this one too."""
        ...


class Residents(Protocol):
    """The CRDT entities of one type on this member.

    Attributes:
        entity_type: the type.
        shared: all members write the same journal; else each has one of its own.
    """

    @property
    def entity_type(self) -> str: ...

    @property
    def shared(self) -> bool: ...

    def ids(self) -> Iterable[str]:
        """Whatever is in memory."""
        ...

    def is_resident(self, entity_id: str) -> bool:
        """Whether an entity is in memory."""
        ...

    def durable(self, entity_id: str) -> Record | None:
        """What is known of an entity in memory, and durable; None: it is not there, or not read yet."""
        ...

    def hear(
        self, entity_id: str, record: Record, receipt: Callable[[bool], None] | None = None, after: Dot | None = None
    ) -> None:
        """Another member tells something. What is not in memory is read into it.

        Args:
            receipt: called with True once it is merged and durable; with False if it was not merged, because something
                that came before it is not known; perhaps never.
            after: of a change, the latest dot of its node before it; None: the record is all that the member knows.
        """
        ...

    async def stored(self, entity_id: str) -> Record:
        """What the journal has of an entity.

        Raises:
            CloudStateError: it cannot be read now.
        """
        ...

    def members_changed(self, audience: Audience) -> None:
        """Processes have come or gone."""
        ...
