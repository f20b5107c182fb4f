"""An author's object and its definition, compiled into lookup tables once at start."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from cloudstate.runtime.authoring.definition import CommandType, EventType, UpcasterType
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.function.caller import Caller
from cloudstate.runtime.payload import PROTOBUF_PREFIX


@dataclass(frozen=True, slots=True)
class Handler:
    """One command's handler: ``call(message, ctx)``."""

    name: str
    call: Callable[..., Any]
    output: type[Message]
    reads_only: bool
    caller: Caller


@dataclass(frozen=True, slots=True)
class Fold:
    """One event's handler: ``apply(state, event)`` gives the next state."""

    method: str
    type_url: str
    parse: Callable[[bytes], Message]
    apply: Callable[[Any, Any], Any]


def bind_commands(target: object, commands: tuple[CommandType, ...], caller: Caller) -> dict[str, Handler]:
    """Handlers by command name; ``caller`` runs what they call."""
    return {
        command.name: Handler(
            name=command.name,
            call=_method(target, command.method),
            output=command.output,
            reads_only=command.reads_only,
            caller=caller,
        )
        for command in commands
    }


def bind_events(target: object, events: tuple[EventType, ...]) -> dict[type[Message], Fold]:
    """Folds by event class."""
    folds: dict[type[Message], Fold] = {}
    for event in events:
        apply = _method(target, event.method)
        if inspect.iscoroutinefunction(apply):
            raise ServiceInvalid(
                f"event handler `{type(target).__name__}.{event.method}` is async",
                help="make it a plain method: it runs at every replay and may only compute the next state",
            )
        folds[event.type] = Fold(event.method, type_url(event.type), event.type.FromString, apply)
    return folds


@dataclass(frozen=True, slots=True)
class Upcast:
    """How one stored type is read: ``parse(bytes)`` gives a message of the class ``result``."""

    type_url: str
    parse: Callable[[bytes], Message]
    result: type[Message]


def bind_upcasters(target: object, upcasters: tuple[UpcasterType, ...]) -> tuple[Upcast, ...]:
    """How the types are read that older releases have stored. What one upcaster makes may be the source of another.

    Raises:
        ServiceInvalid: the class lacks a method, or upcasters lead in a circle.
    """
    by_source = {upcaster.source: upcaster for upcaster in upcasters}
    return tuple(_upcast(target, upcaster, by_source) for upcaster in upcasters)


def _upcast(target: object, upcaster: UpcasterType, by_source: dict[str, UpcasterType]) -> Upcast:
    decode = (upcaster.type or upcaster.target).FromString
    steps = [upcaster]
    while (following := by_source.get(steps[-1].target.DESCRIPTOR.full_name)) is not None:
        if following in steps:
            raise ServiceInvalid(
                f"the upcaster from `{upcaster.source}` leads back to it", help="compile the spec again"
            )
        steps.append(following)
    converters = [(_method(target, step.method), step) for step in steps if step.method]

    def parse(data: bytes) -> Message:
        message: Message = decode(data)
        for convert, step in converters:
            message = convert(message)
            if type(message) is not step.target:
                made, expected = type(message).__name__, step.target.__name__
                raise TypeError(f"upcaster `{step.method}` returned {made} instead of {expected}")
        return message

    return Upcast(PROTOBUF_PREFIX + upcaster.source, parse, steps[-1].target)


def type_url(message: type[Message]) -> str:
    """The type URL of a message class."""
    return PROTOBUF_PREFIX + message.DESCRIPTOR.full_name


def _method(target: object, name: str) -> Callable[..., Any]:
    method = getattr(target, name, None)
    if not callable(method):
        raise ServiceInvalid(
            f"`{type(target).__name__}` has no method `{name}`",
            help="implement it, or compile the spec again if it changed",
        )
    return method  # type: ignore[no-any-return]
