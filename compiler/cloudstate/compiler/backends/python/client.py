"""``client.py`` of a service: a typed client for any channel of grpc.aio, the runtime's own or a mesh's."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Sequence

from cloudstate.compiler.backends.python import layout
from cloudstate.compiler.backends.python.docs import docstring
from cloudstate.compiler.backends.python.imports import Imports
from cloudstate.compiler.backends.python.spelling import SpelledCommand, SpelledEntity, message_class
from cloudstate.compiler.backends.python.view import ClassView, MethodView, ModuleView
from cloudstate.compiler.model import Model

_INDENT = 4


def class_names(entities: Sequence[SpelledEntity]) -> tuple[str, ...]:
    """The classes that the module defines."""
    return tuple(f"{entity.stem}Client" for entity in entities)


def module(entities: Sequence[SpelledEntity], header: str, metadata: str, stamp: str) -> ModuleView:
    """The view of ``client.py``.

    Args:
        entities: all of the service.
        header: the comment on top.
        metadata: source text that defines ``Metadata``.
        stamp: source text that defines ``_stamped``; used where a service has entities.
    """
    imports = Imports(taken=(*class_names(entities), "Metadata", "_stamped", "_KEY_SAFE"))
    imports.use("collections.abc", "Sequence")
    imports.use("typing", "TypeAlias")
    has_stamps = any(entity.entity.model is not Model.ACTION for entity in entities)
    if has_stamps:
        imports.use("urllib.parse", "quote")
        imports.use("uuid", "uuid4")
    classes = tuple(_ClientClass(entity, imports).view() for entity in entities)
    return ModuleView(
        header=header,
        docs='"""Typed clients, for code outside of the service."""',
        imports=imports.block(),
        preamble=(metadata, stamp) if has_stamps else (metadata,),
        classes=classes,
    )


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
        head = layout.signature("def __init__", ("self", f"channel: {self._aio('Channel')}"), "None", _INDENT)
        return MethodView(
            (head, *map(self._open, self._spelled.commands), *([] if self._spelled.commands else ["    pass"]))
        )

    def _declare(self, spelled: SpelledCommand) -> str:
        # Left to itself, a checker takes the type of requests from their serializer, which is any message.
        shape = "StreamStream" if spelled.command.client_streaming else "UnaryStream"
        messages = (message_class(self._imports, it) for it in (spelled.command.input, spelled.command.output))
        multi_callable = layout.subscript(self._aio(f"{shape}MultiCallable"), *messages)
        return layout.render(layout.annotated(f"_{spelled.method}", multi_callable), _INDENT)

    def _open(self, spelled: SpelledCommand) -> str:
        command = spelled.command
        target = layout.call(
            f"self._{spelled.method} = channel.{_shape(spelled)}",
            layout.quote(f"/{self._spelled.entity.service}/{command.name}"),
            f"request_serializer={message_class(self._imports, command.input)}.SerializeToString",
            f"response_deserializer={message_class(self._imports, command.output)}.FromString",
            is_open=True,
        )
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


def _replies_with_stream(spelled: SpelledCommand) -> bool:
    return spelled.command.server_streaming


def _shape(spelled: SpelledCommand) -> str:
    request = "stream" if spelled.command.client_streaming else "unary"
    reply = "stream" if spelled.command.server_streaming else "unary"
    return f"{request}_{reply}"


def _field(name: str) -> str:
    return f'getattr(request, "{name}")' if keyword.iskeyword(name) else f"request.{name}"
