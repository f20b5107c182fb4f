"""The compatibility kit's cases as data (``cases/*.yaml``; protocol.md section 6.4), read into typed values.

A case is a script. The same script is played in up to three roles, which differ in what is under test:

- ``function``: a user function; the player is its proxy, and says what a proxy would say.
- ``proxy``: a proxy; the player is its client, and the user function behind it answers what the script says.
- ``stack``: the proxy with the example entities behind it; the player is the client, and listens between the two.

``cases/README.md`` describes the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar, cast

import yaml
from tests.conformance.protocol.case_crdt import CRDT_STEPS, CrdtStep, Message, Tell

CASES = Path(__file__).parent / "cases"
_Made = TypeVar("_Made")


class Role(StrEnum):
    """What is under test."""

    PROXY = "proxy"
    FUNCTION = "function"
    STACK = "stack"


class CaseInvalid(Exception):
    """A file of cases does not follow its own rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A stream begins; the one before is half-closed, and has to end in good order.

    Attributes:
        snapshot, events: the history of an event-sourced entity, with sequence numbers.
        state: the value of a value entity; None if it has none.
    """

    key: ClassVar[str] = "open"

    snapshot: tuple[int, str] | None = None
    events: tuple[tuple[int, str], ...] = ()
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A command of an entity, and its answer in full: what is not said must not be there.

    Attributes:
        ask: what the request tells the model to do, step by step.
        at: which service of the model is asked: ``model``, ``two`` or ``configured``.
        over: how a client asks: ``grpc``, ``http`` (the annotated path), ``http-default`` (POST to the method's path).
        reply, forward, failure: the answer: one of them. A forward goes to service two, whose reply is empty.
        restart: the failure asks for a restart, where the script is the function.
        effects: calls of service two, in order; ``sync x`` is a synchronous one.
        events, snapshot: what an event-sourced entity emits.
        update, delete: what a value entity does to its value.
    """

    key: ClassVar[str] = "ask"

    ask: tuple[str, ...]
    at: str = "model"
    over: str = "grpc"
    reply: str | None = None
    forward: str | None = None
    failure: str | None = None
    restart: bool = False
    effects: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    snapshot: str | None = None
    update: str | None = None
    delete: bool = False

    def __post_init__(self) -> None:
        answers = [it for it in (self.reply, self.forward, self.failure) if it is not None]
        if len(answers) != 1 or self.at not in ("model", "two", "configured"):
            raise CaseInvalid(f"{self.ask} needs one answer of `model`, `two` or `configured`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response of an action; nothing set is a response without a reply."""

    reply: str | None = None
    forward: str | None = None
    failure: str | None = None
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of an action.

    Attributes:
        call: its shape: ``unary``, ``in``, ``out`` or ``both``.
        requests: each a list of groups of steps.
        responses: all that come back, in full.
        over: as for ``Ask``.
    """

    key: ClassVar[str] = "call"

    call: str
    requests: tuple[tuple[tuple[str, ...], ...], ...]
    responses: tuple[Response, ...]
    over: str = "grpc"

    def __post_init__(self) -> None:
        if self.call not in ("unary", "in", "out", "both"):
            raise CaseInvalid(f"there is no shape `{self.call}`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passivate:
    """The entity is left alone until its stream has ended, which takes at most so many seconds."""

    key: ClassVar[str] = "passivated_within"

    passivated_within: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """What discovery says of one service.

    Attributes:
        type: the full name of the protocol's service.
        persistence_id: None where it does not matter.
        passivation_ms: None where it does not matter.
    """

    type: str
    persistence_id: str | None = None
    passivation_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discover:
    """The function announces these services, among others, and all that it announces are in its descriptors.

    Attributes:
        discover: by full name.
        version: the protocol's version, of both sides.
        supported: the entity types that the proxy has to know, exactly.
    """

    key: ClassVar[str] = "discover"

    discover: Mapping[str, Entity]
    version: tuple[int, int] | None = None
    supported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflect:
    """A question about the proxy's services.

    Attributes:
        reflect: ``services``: the answer is the reflection service, then the entities' in the order of their names;
            or ``symbol``: the answer has so many files.
        argument: what is asked for.
    """

    key: ClassVar[str] = "reflect"

    reflect: str
    argument: str
    files: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """An event-sourced entity emits an event, which is delivered to a subscriber.

    Attributes:
        emit: what the event tells the subscriber to do, as for an action; or the text of a JSON event.
        stored: the type of the event in the log: a message's name, or what its type URL begins with.
        heard: the subscriber's method that gets it.
        reply, forward: the subscriber's answer; a forward goes to its method ``Effect``.
    """

    key: ClassVar[str] = "emit"

    emit: str
    stored: str
    heard: str
    reply: str | None = None
    forward: str | None = None


Step: TypeAlias = Open | Ask | Call | Passivate | Discover | Reflect | Emit | CrdtStep
_STEPS: tuple[type[Step], ...] = (Open, Ask, Call, Passivate, Discover, Reflect, Emit)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of the kit.

    Attributes:
        id: as in protocol.md, e.g. ``E4``.
        says: what it is about, in a few words.
        model: what it is about: ``action``, ``value``, ``event-sourced``, ``crdt``, ``discovery``, ``reflection`` or
            ``eventing``.
    """

    id: str
    says: str
    model: str
    roles: frozenset[Role]
    steps: tuple[Step, ...] = field(repr=False)


def load_cases(role: Role, model: str | None = None) -> list[Case]:
    """All cases of a role, of one model or of all, in the order of the files.

    Raises:
        CaseInvalid: a file cannot be understood.
    """
    return [case for case in _all() if role in case.roles and model in (None, case.model)]


@cache
def _all() -> tuple[Case, ...]:
    return tuple(case for path in sorted(CASES.glob("*.yaml")) for case in read(path))


def read(path: Path) -> Iterator[Case]:
    """The cases of a file.

    Raises:
        CaseInvalid: it cannot be understood.
    """
    document = yaml.safe_load(path.read_text())
    for raw in document["cases"]:
        try:
            yield _case(dict(raw), document["model"], document["roles"])
        except (CaseInvalid, KeyError, TypeError, ValueError) as error:
            raise CaseInvalid(f"{path.name}: case {raw.get('id')}: {error}") from error


def _case(raw: dict[str, Any], model: str, roles: list[str]) -> Case:
    """A case of one call has no ``steps``: it is the call itself."""
    name, says, roles = raw.pop("id"), raw.pop("says", ""), raw.pop("roles", roles)
    steps = raw.pop("steps", None)
    if steps is not None and raw:
        raise CaseInvalid(f"has more than steps: {', '.join(raw)}")
    return Case(name, says, model, frozenset(map(Role, roles)), tuple(_step(model, it) for it in steps or [raw]))


def _step(model: str, raw: dict[str, Any]) -> Step:
    kinds = (*CRDT_STEPS, Passivate) if model == "crdt" else _STEPS
    kind = next((it for it in kinds if it.key in raw), None)
    if kind is None:
        raise CaseInvalid(f"has a step of no known kind: {raw}")
    if kind is Tell and raw["tell"] == "deleted":
        return Tell(tell=None)
    if "then" in raw:
        raw = {**raw, "then": tuple(_made(Message, it) for it in raw["then"])}
    if kind is Open:
        return _made(Open, raw["open"])
    if kind is Call:
        responses = tuple(_made(Response, it) for it in raw["responses"])
        return _made(Call, {**raw, "responses": responses})
    if kind is Discover:
        entities = {name: _made(Entity, it) for name, it in raw["discover"].items()}
        return _made(Discover, {**raw, "discover": entities})
    return _made(kind, raw)


def _made(kind: type[_Made], raw: Mapping[str, Any]) -> _Made:
    """A value whose fields are those of the mapping; texts must be texts, since YAML makes much of ``no`` and ``1``."""
    values = {name: _frozen(value) for name, value in raw.items()}
    annotations = {it.name: str(it.type) for it in fields(cast(Any, kind))}
    for name, value in values.items():
        if annotations.get(name, "").startswith("str") and not isinstance(value, str):
            raise CaseInvalid(f"`{name}` has to be a text, not {value!r}: quote it")
    return kind(**values)


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _frozen(it) for name, it in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
