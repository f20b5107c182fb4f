"""An author's object and its definition, compiled into lookup tables once at start."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from cloudstate.runtime.authoring.definition import CommandType, EventType
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.payload import PROTOBUF_PREFIX


@dataclass(frozen=True, slots=True)
class Handler:
    """One command's handler: ``call(message, ctx)``."""

    name: str
    call: Callable[..., Any]
    output: type[Message]
    reads_only: bool


@dataclass(frozen=True, slots=True)
class Fold:
    """One event's handler: ``apply(state, event)`` gives the next state."""

    method: str
    type_url: str
    parse: Callable[[bytes], Message]
    apply: Callable[[Any, Any], Any]


def bind_commands(target: object, commands: tuple[CommandType, ...]) -> dict[str, Handler]:
    """Handlers by command name."""
    return {
        command.name: Handler(
            name=command.name,
            call=_method(target, command.method),
            output=command.output,
            reads_only=command.reads_only,
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
