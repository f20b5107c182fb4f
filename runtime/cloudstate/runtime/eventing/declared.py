"""What the methods of a service declare with ``(cloudstate.eventing)``, checked (protocol.md section 2.11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor_pb2 import MethodOptions

from cloudstate import eventing_pb2
from cloudstate.runtime.description import EntityDescription, Model, ServiceDescription
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.payload import PROTOBUF_PREFIX

ANY = "google.protobuf.Any"
_EVENTING: Any = eventing_pb2.eventing  # its stub types an extension as a plain field descriptor


@dataclass(frozen=True, slots=True)
class Handler:
    """A command that takes what is consumed.

    Attributes:
        streamed: it answers with a stream.
    """

    command: str
    input: str
    streamed: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    """One consumer group of one source, and who takes which type.

    Attributes:
        service: the gRPC service whose commands consume.
        group: consumers of one group share the messages of a source.
        source: the persistence id of an event log, or the name of a topic.
        is_topic: which of the two it is.
        handlers: by full name of the message type; ``google.protobuf.Any`` takes the rest.
    """

    service: str
    group: str
    source: str
    is_topic: bool
    handlers: dict[str, Handler]

    def handler(self, type_url: str) -> Handler | None:
        """Who takes a payload of this type; None: nobody."""
        exact = None
        if type_url.startswith(PROTOBUF_PREFIX):
            exact = self.handlers.get(type_url.removeprefix(PROTOBUF_PREFIX))
        return exact or self.handlers.get(ANY)

    @property
    def name(self) -> str:
        """The group and its source, as operators see them."""
        return f"{self.group}/{'topic' if self.is_topic else 'log'}/{self.source}"


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything that a service consumes and publishes.

    Attributes:
        publications: the topic by service and command.
    """

    subscriptions: tuple[Subscription, ...]
    publications: dict[tuple[str, str], str]


def declared(description: ServiceDescription) -> Declared:
    """What the service's methods declare.

    Raises:
        ServiceInvalid: two methods want the same messages, a method feeds itself, or a handler cannot take messages.
    """
    subscriptions: dict[tuple[str, str, bool, str], Subscription] = {}
    publications: dict[tuple[str, str], str] = {}
    for entity in description.entities:
        for handler, eventing in _methods(entity, description):
            source = getattr(eventing, "in")
            kind, out = source.WhichOneof("source"), eventing.out
            if out.WhichOneof("destination") == "topic":
                publications[entity.service, handler.command] = out.topic
            if kind is None:
                _check_group(entity, handler, source)
                continue
            name = source.topic if kind == "topic" else source.event_log
            _check(entity, handler, kind, name, out)
            group = source.consumer_group or entity.service
            key = entity.service, group, kind == "topic", name
            found = subscriptions.setdefault(key, Subscription(entity.service, group, name, kind == "topic", {}))
            if handler.input in found.handlers:
                other = found.handlers[handler.input].command
                raise ServiceInvalid(
                    f"`{entity.service}`: `{other}` and `{handler.command}` both consume {handler.input} of `{name}`",
                    help="give one of them a `consumer_group` of its own",
                )
            found.handlers[handler.input] = handler
    return Declared(tuple(subscriptions.values()), publications)


def _methods(
    entity: EntityDescription, description: ServiceDescription
) -> Iterator[tuple[Handler, eventing_pb2.Eventing]]:
    for command in entity.commands:
        method = description.schema.method(entity.service, command.name)
        options = MethodOptions.FromString(method.GetOptions().SerializeToString())
        if options.HasExtension(_EVENTING):
            handler = Handler(command.name, command.input, command.server_streaming)
            yield handler, options.Extensions[_EVENTING]


def _check_group(entity: EntityDescription, handler: Handler, source: eventing_pb2.EventSource) -> None:
    if source.consumer_group:
        raise ServiceInvalid(
            f"`{entity.service}/{handler.command}` has a consumer group and nothing to consume",
            help="name a `topic` or an `event_log` beside it",
        )


def _check(
    entity: EntityDescription, handler: Handler, kind: str, name: str, out: eventing_pb2.EventDestination
) -> None:
    where = f"`{entity.service}/{handler.command}`"
    if not name:
        raise ServiceInvalid(f"{where} consumes from nowhere", help=f"name the {kind.replace('_', ' ')}")
    if kind == "topic" and out.topic == name:
        raise ServiceInvalid(
            f"{where} consumes the topic `{name}` and publishes to it: it would feed itself",
            help="publish to another topic",
        )
    if entity.model is Model.CRDT or next(it for it in entity.commands if it.name == handler.command).client_streaming:
        raise ServiceInvalid(
            f"{where} cannot consume messages: it is streamed in, or of a CRDT entity",
            help="consume in an action, and call the entity from there",
        )
