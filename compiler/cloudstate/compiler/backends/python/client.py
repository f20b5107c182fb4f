"""``client.py`` of a service: a typed client for any channel of grpc.aio, the runtime's own or a mesh's."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Sequence

from cloudstate.compiler.backends.python import layout
from cloudstate.compiler.backends.python.docs import docstring
from cloudstate.compiler.backends.python.imports import Imports
from cloudstate.compiler.backends.python.spelling import SpelledCommand, SpelledEntity, message_class
from cloudstate.compiler.backends.python.view import ClassView, MethodView, ModuleView
from cloudstate.compiler.model import CommandEffect, Entity, Model

_INDENT = 4
#: What the snippet of retries imports.
_FOR_RETRIES = {
    "asyncio": ("sleep",),
    "grpc": ("StatusCode",),
    "grpc.aio": ("AioRpcError", "UnaryUnaryMultiCallable"),
    "random": ("uniform",),
    "time": ("monotonic",),
    "typing": ("Generic", "TypeVar"),
}
#: What the snippets define.
_DEFINED = ("Metadata", "_SHARDS", "_text", "_shard", "_stamped", "_Request", "_Reply", "_PAUSES", "_Retried")


def class_names(entities: Sequence[SpelledEntity]) -> tuple[str, ...]:
    """The classes that the module defines."""
    return tuple(f"{entity.stem}Client" for entity in entities)


def module(entities: Sequence[SpelledEntity], header: str, metadata: str, stamp: str, retry: str) -> ModuleView:
    """The view of ``client.py``.

    Args:
        entities: all of the service.
        header: the comment on top.
        metadata: source text that defines ``Metadata``.
        stamp: source text that defines ``_stamped``; used where a service has entities.
        retry: source text that defines ``_Retried``; used where a retry is safe.
    """
    imports = Imports(taken=(*class_names(entities), *_DEFINED))
    imports.use("collections.abc", "Sequence")
    imports.use("typing", "TypeAlias")
    preamble = [metadata]
    if any(entity.entity.model is not Model.ACTION for entity in entities):
        imports.use("uuid", "uuid4")
        imports.use("zlib", "crc32")
        preamble.append(stamp)
    if any(_is_retried(entity.entity, command) for entity in entities for command in entity.commands):
        for origin, names in _FOR_RETRIES.items():
            for name in names:
                imports.use(origin, name)
        preamble.append(f"\n{retry}")
    classes = tuple(_ClientClass(entity, imports).view() for entity in entities)
    return ModuleView(
        header=header,
        docs='"""Typed clients, for code outside of the service."""',
        imports=imports.block(),
        preamble=tuple(preamble),
        classes=classes,
    )


_ATTEMPTS = """\
Take the methods from a channel.

Args:
    channel: it stays the caller's.
    attempts: how often a command is sent, in all, while the service is UNAVAILABLE; 1: never again.
"""


class _ClientClass:
    def __init__(self, spelled: SpelledEntity, imports: Imports) -> None:
        self._spelled = spelled
        self._imports = imports
        self._is_stamped = spelled.entity.model is not Model.ACTION

    def view(self) -> ClassView:
        service = self._spelled.entity.service
        return ClassView(
            head=f"class {self._spelled.stem}Client",
            docs=docstring(self._spelled.entity.docs, f"Calls ``{service}``.", _INDENT),
            attributes=tuple(map(self._declare, filter(_replies_with_stream, self._spelled.commands))),
            methods=(self._constructor(), *map(self._method, self._spelled.commands)),
        )

    def _aio(self, name: str) -> str:
        return self._imports.use("grpc.aio", name)

    def _constructor(self) -> MethodView:
        parameters, docs = ["self", f"channel: {self._aio('Channel')}"], []
        if any(map(self._is_retried, self._spelled.commands)):
            parameters += ["*", "attempts: int = 8"]
            docs = [f"    {docstring(_ATTEMPTS, '', 2 * _INDENT)}"]
        head = layout.signature("def __init__", tuple(parameters), "None", _INDENT)
        body = [*docs, *map(self._open, self._spelled.commands)]
        return MethodView((head, *(body or ["    pass"])))

    def _is_retried(self, spelled: SpelledCommand) -> bool:
        return _is_retried(self._spelled.entity, spelled)

    def _declare(self, spelled: SpelledCommand) -> str:
        # Left to itself, a checker takes the type of requests from their serializer, which is any message.
        shape = "StreamStream" if spelled.command.client_streaming else "UnaryStream"
        messages = (message_class(self._imports, it) for it in (spelled.command.input, spelled.command.output))
        multi_callable = layout.subscript(self._aio(f"{shape}MultiCallable"), *messages)
        return layout.render(layout.annotated(f"_{spelled.method}", multi_callable), _INDENT)

    def _open(self, spelled: SpelledCommand) -> str:
        command = spelled.command
        method, is_retried = f"self._{spelled.method} = ", self._is_retried(spelled)
        opened = layout.call(
            f"{'' if is_retried else method}channel.{_shape(spelled)}",
            layout.quote(f"/{self._spelled.entity.service}/{command.name}"),
            f"request_serializer={message_class(self._imports, command.input)}.SerializeToString",
            f"response_deserializer={message_class(self._imports, command.output)}.FromString",
            is_open=True,
        )
        target = layout.call(f"{method}_Retried", opened, "attempts") if is_retried else opened
        return f"    {layout.render(target, 2 * _INDENT)}"

    def _method(self, spelled: SpelledCommand) -> MethodView:
        command = spelled.command
        is_awaited = not command.server_streaming
        keyword_, value = ("async def", "return await") if is_awaited else ("def", "return")
        parameters = ("self", self._request(spelled), "*", "timeout: float | None = None", "metadata: Metadata = ()")
        body = layout.call(f"{value} self._{spelled.method}", *self._arguments(spelled))
        return MethodView(
            (
                layout.signature(f"{keyword_} {spelled.method}", parameters, self._result(spelled), _INDENT),
                f"    {docstring(command.docs, f'Calls ``{command.name}``.', 2 * _INDENT)}",
                f"    {layout.render(body, 2 * _INDENT)}",
            )
        )

    def _request(self, spelled: SpelledCommand) -> layout.Node:
        message = message_class(self._imports, spelled.command.input)
        if not spelled.command.client_streaming:
            return f"request: {message}"
        return layout.annotated(
            "requests", layout.subscript(self._imports.use("collections.abc", "AsyncIterator"), message)
        )

    def _result(self, spelled: SpelledCommand) -> layout.Node:
        command = spelled.command
        output = message_class(self._imports, command.output)
        if not command.server_streaming:
            return output
        call = "StreamStreamCall" if command.client_streaming else "UnaryStreamCall"
        return layout.subscript(self._aio(call), message_class(self._imports, command.input), output)

    def _arguments(self, spelled: SpelledCommand) -> Iterator[layout.Node]:
        is_streamed = spelled.command.client_streaming
        yield "requests" if is_streamed else "request"
        yield "timeout=timeout"
        if self._is_stamped:
            keys = () if is_streamed else tuple(map(_field, spelled.command.key))
            yield layout.call("metadata=_stamped", "metadata", *keys)
        else:
            yield "metadata=metadata"


def _is_retried(entity: Entity, spelled: SpelledCommand) -> bool:
    """Whether the command can be sent again: it changes nothing, or its entity keeps the answer."""
    if not spelled.is_unary or entity.model is Model.ACTION:
        return False
    keeps_answers = entity.model is not Model.CRDT and entity.idempotency_window != 0
    return keeps_answers or spelled.command.effect is CommandEffect.READ


def _replies_with_stream(spelled: SpelledCommand) -> bool:
    return spelled.command.server_streaming


def _shape(spelled: SpelledCommand) -> str:
    request = "stream" if spelled.command.client_streaming else "unary"
    reply = "stream" if spelled.command.server_streaming else "unary"
    return f"{request}_{reply}"


def _field(name: str) -> str:
    return f'getattr(request, "{name}")' if keyword.iskeyword(name) else f"request.{name}"
