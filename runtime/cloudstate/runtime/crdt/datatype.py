"""What the eight data types have in common.

**Facts.** The state of every type is a set of facts, each under the dot of the change that made it, beside the context
of all dots seen. A fact that is missing although its dot was seen has been taken back. That is all that merging needs
to know (``state.py``), so it is written once; a type says only which facts a change adds and takes back, and what the
facts mean. This is the dotted-function form of "Delta State Replicated Data Types" (Almeida, Shoker, Baquero, 2018).

**Changes** are what the protocol calls deltas: plain, not mergeable, made by a user function for the value that it was
shown. **Values** are what a user function sees. Both are plain data; each type has its own classes for them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.kind import Kind


class Author(NamedTuple):
    """Who makes a change, and when.

    Attributes:
        node: names the dots. No other writer uses it at the same time: it stands for durable state, not for a process.
        member: who votes: a running process of the cluster. Another one after a restart.
        now: milliseconds since the Unix epoch, for the clocks of registers.
        others: whose votes are not the author's to take back, whichever node they are under.
    """

    node: str
    member: str
    now: int
    others: frozenset[str] = frozenset()


class Audience(NamedTuple):
    """For whom a value is computed: only votes differ."""

    member: str
    members: frozenset[str]


class Change(Protocol):
    """A change of one data type; each type has a class."""

    kind: ClassVar[Kind]


class Value(Protocol):
    """A value of one data type; each type has a class. Equal values are equal objects."""

    kind: ClassVar[Kind]


F = TypeVar("F")
C = TypeVar("C")
V = TypeVar("V")


class Draft(Protocol[F]):
    """A change in the making. Owned by whoever makes it; nothing else sees it.

    Attributes:
        facts: the facts, with everything added and taken back so far.
        depth: how many maps this one is in.
    """

    author: Author
    depth: int

    @property
    def facts(self) -> Mapping[Dot, F]: ...

    def add(self, fact: F) -> None:
        """Add a fact under the author's next dot."""
        ...

    def take_back(self, dots: Iterable[Dot]) -> None:
        """Remove facts."""
        ...


class Inexpressible(Exception):
    """No change of the type leads from the one value to the other: it must be made anew."""


class DataType(ABC, Generic[F, C, V]):
    """One type: facts of class ``F``, changes of class ``C``, values of class ``V``. Objects have no state."""

    kind: ClassVar[Kind]

    #: The value of what was never changed, where nobody else is.
    empty: V

    @abstractmethod
    def apply(self, change: C, draft: Draft[F]) -> None:
        """Make the change. One that changes nothing adds and takes back nothing.

        Raises:
            ChangeRefused: the type has no such change.
        """

    @abstractmethod
    def value(self, facts: Mapping[Dot, F], audience: Audience) -> V:
        """What the facts mean."""

    @abstractmethod
    def creation(self, value: V) -> C:
        """The change that makes this value of the empty one; never absent, for it also says the type."""

    @abstractmethod
    def difference(self, before: V, after: V) -> C | None:
        """The change that leads from one value to another; None if they are equal.

        Raises:
            Inexpressible: there is none.
        """

    @abstractmethod
    def after(self, value: V, change: C) -> V:
        """What a change makes of a value: what a user function does when it is told one."""

    @abstractmethod
    def write(self, fact: F, out: Writer) -> None:
        """Encode a fact."""

    @abstractmethod
    def read(self, data: Reader) -> F:
        """Decode a fact. Raises EncodingInvalid."""
