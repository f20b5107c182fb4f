"""The steps of cases about replicated entities. An entity's id begins with its type: ``GCounter-1``.

Values are written with their type: ``{gcounter: 5}``, ``{gset: [a, b]}``, ``{vote: [true, 2, 3]}`` (own vote, votes
for, voters), ``{ormap: {GCounter-1: {gcounter: 1}}}``. Changes likewise: ``{orset: {cleared: true, added: [x]}}``,
``{ormap: {removed: [Flag-1], updated: {...}, added: {...}}}``, ``{lwwregister: {value: x, clock: CUSTOM, custom: 5}}``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

Tree: TypeAlias = Mapping[str, Any]

CLOCKS = ("DEFAULT", "REVERSE", "CUSTOM", "CUSTOM_AUTO_INCREMENT")
CONSISTENCIES = ("LOCAL", "MAJORITY", "ALL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A stream begins; the one before is half-closed, and has to end in good order.

    Attributes:
        begin: the entity's id.
        delta: its value so far; None if there is none.
    """

    key: ClassVar[str] = "begin"

    begin: str
    delta: Tree | None = None

    def __post_init__(self) -> None:
        if self.delta is not None:
            check_change(self.delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """The proxy tells of another replica's change, or, if there is no delta, that the entity was deleted."""

    key: ClassVar[str] = "tell"

    tell: Tree | None

    def __post_init__(self) -> None:
        if self.tell is not None:
            check_change(self.tell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A further reply to a streamed command.

    Attributes:
        to: what the command is called.
        ends: it is the last one.
    """

    to: str
    reply: Tree
    effects: tuple[str, ...] = ()
    ends: bool = False

    def __post_init__(self) -> None:
        check_value(self.reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCrdt:
    """A command, and its answer in full.

    Attributes:
        ask: the request's steps: updates of the entity's type (``+1``, ``add a``, ``remove a``, ``clear``, ``set a``,
            ``set a CUSTOM 5``, ``enable``, ``vote true``, ``update GCounter-1 +1``; before it maybe the consistency of
            the write), ``delete``, ``forward x``, ``fail x``, ``effect x``, ``sync x``.
        at, over: as for ``Ask``.
        reply, forward, failure: the answer; an empty reply is that of service two.
        update, delete, consistency: what happens to the value.
        then: what streamed commands say because of it, after the answer.
        closes: the entity's stream ends because of it, where a proxy is played at.
    """

    key: ClassVar[str] = "ask"

    ask: tuple[str, ...]
    at: str = "model"
    over: str = "grpc"
    reply: Tree | None = None
    forward: str | None = None
    failure: str | None = None
    effects: tuple[str, ...] = ()
    update: Tree | None = None
    delete: bool = False
    consistency: str = "LOCAL"
    then: tuple[Message, ...] = ()
    closes: bool = False

    def __post_init__(self) -> None:
        if sum(it is not None for it in (self.reply, self.forward, self.failure)) != 1:
            raise ValueError(f"{self.ask} needs one answer")
        if self.consistency not in CONSISTENCIES:
            raise ValueError(f"there is no consistency {self.consistency}")
        if self.reply:
            check_value(self.reply)
        if self.update is not None:
            check_change(self.update)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A streamed command: its first reply is the current value, and one follows each change.

    Attributes:
        watch: what the command is called.
        end_state: the stream ends when the value is this one.
        initial_update, cancel_update: updates at the start, and when the client has gone.
        with_effects: the side effects of each further reply.
        empty: there are no replies at all.
        reply: the first reply; None where there are none.
        update: how the initial update changes the value.
        then: as for ``AskCrdt``.
    """

    key: ClassVar[str] = "watch"

    watch: str
    end_state: Tree | None = None
    initial_update: str | None = None
    cancel_update: str | None = None
    with_effects: tuple[str, ...] = ()
    empty: bool = False
    reply: Tree | None = None
    update: Tree | None = None
    then: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if (self.reply is None) is not self.empty:
            raise ValueError(f"`{self.watch}` has a reply, unless it is `empty`")
        for value in filter(None, (self.end_state, self.reply)):
            check_value(value)
        if self.update is not None:
            check_change(self.update)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The client of a streamed command has gone; the function answers, and may change the value."""

    key: ClassVar[str] = "cancel"

    cancel: str
    update: Tree | None = None
    then: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if self.update is not None:
            check_change(self.update)


CrdtStep: TypeAlias = Begin | Tell | AskCrdt | Watch | Cancel
CRDT_STEPS: tuple[type[CrdtStep], ...] = (Begin, Tell, AskCrdt, Watch, Cancel)


def check_value(tree: Tree) -> None:
    """Raise ValueError if it is not a value."""
    kind, value = _only(tree)
    match kind, value:
        case ("gcounter" | "pncounter", int()) | ("flag", bool()) | ("lwwregister", str()):
            return
        case ("gset" | "orset", (*elements,)) if sorted(elements) == elements and all(_is_text(it) for it in elements):
            return
        case "vote", (bool(), int(), int()):
            return
        case "ormap", dict():
            for name, child in _children(value):
                check_value(child)
                _check_child(name, child)
            return
    raise ValueError(f"{tree} is not a value")


def check_change(tree: Tree) -> None:
    """Raise ValueError if it is not a change."""
    kind, change = _only(tree)
    match kind, change:
        case ("gcounter" | "pncounter", int()) | ("flag" | "vote", bool()) | ("vote", (bool(), int(), int())):
            return
        case "gset", (*elements,) if all(map(_is_text, elements)):
            return
        case "orset", {**parts} if set(parts) <= {"cleared", "removed", "added"}:
            return
        case "lwwregister", {"value": str(), **more} if more.get("clock", "DEFAULT") in CLOCKS:
            return
        case "ormap", {**parts} if set(parts) <= {"cleared", "removed", "updated", "added"}:
            for name, child in (*_children(change.get("updated", {})), *_children(change.get("added", {}))):
                check_change(child)
                _check_child(name, child)
            return
    raise ValueError(f"{tree} is not a change")


def _only(tree: Tree) -> tuple[str, Any]:
    [(kind, value)] = tree.items()
    return kind, value


def _children(entries: dict[str, Tree]) -> Iterator[tuple[str, Tree]]:
    yield from entries.items()


def _check_child(name: str, child: Tree) -> None:
    """The type of a map's entry is in its key."""
    if name.partition("-")[0].lower() != _only(child)[0]:
        raise ValueError(f"`{name}` holds {child}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)
