"""What a function says of itself when it is discovered, and whether we can serve that (protocol.md section 2.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.compat import NONE, Compat
from cloudstate.runtime.description import (
    CommandDescription,
    EntityDescription,
    Model,
    Placement,
    Schema,
    ServiceDescription,
    entity_key,
)
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.function.endpoint import Endpoint, key_reader
from cloudstate.runtime.function.port import ActionFunction, CrdtFunction, EntityFunction
from cloudstate.runtime.function.remote import action, crdt, event_sourced, value
from cloudstate.runtime.function.remote.action import RemoteAction
from cloudstate.runtime.function.remote.crdt import RemoteCrdt
from cloudstate.runtime.function.remote.entity import RemoteEntity
from cloudstate.runtime.function.remote.event_sourced import EventSourced
from cloudstate.runtime.function.remote.link import Link
from cloudstate.runtime.function.remote.value import ValueEntity
from cloudstate.runtime.journal.limits import MAX_WINDOW
from cloudstate.runtime.payload import PROTOBUF_PREFIX

DISCOVER = "/cloudstate.EntityDiscovery/discover"

MAJOR, MINOR = 0, 2
#: Functions of ours tell proxies of this name more than protocol 0.2 has fields for.
PROXY_NAME = "cloudstate-py"
DEFAULT_PASSIVATION_MS = 30_000

_MODELS = {
    action.ENTITY_TYPE: Model.ACTION,
    crdt.ENTITY_TYPE: Model.CRDT,
    event_sourced.ENTITY_TYPE: Model.EVENT_SOURCED,
    value.ENTITY_TYPE: Model.VALUE,
}
_SERVED = tuple(_MODELS)
_HELP = "the user function has to be mended, then it is discovered again when it restarts"


def proxy_info(version: str) -> pb.ProxyInfo:
    """What we say of ourselves."""
    return pb.ProxyInfo(
        protocol_major_version=MAJOR,
        protocol_minor_version=MINOR,
        proxy_name=PROXY_NAME,
        proxy_version=version,
        supported_entity_types=_SERVED,
    )


@dataclass(frozen=True, slots=True)
class Announced:
    """A function that can be served."""

    description: ServiceDescription
    entities: tuple[EntityFunction, ...]
    actions: tuple[ActionFunction, ...]
    crdts: tuple[CrdtFunction, ...] = ()


def announced(spec: pb.EntitySpec, link: Link, *, check_version: bool = True, compat: Compat = NONE) -> Announced:
    """What a discovered function serves, through the link.

    Args:
        check_version: refuse functions of other versions of the protocol.
        compat: whom to follow.

    Raises:
        ServiceInvalid: it cannot be served; the text is for the function's author.
    """
    if check_version or any(entity.entity_type == crdt.ENTITY_TYPE for entity in spec.entities):
        _check_version(spec.service_info)  # CRDTs of older versions have other messages under the same name
    if not spec.entities:
        raise ServiceInvalid("No entities were reported by the discover call!", help=_HELP)
    schema = Schema.parse(spec.proto, "what the user function sent as its descriptors")
    name = spec.service_info.service_name or spec.entities[0].service_name
    description = ServiceDescription(
        name=name,
        entities=tuple(_entity(entity, schema) for entity in spec.entities),
        schema=schema,
        placement=Placement.SIDECAR,
    )
    entities: list[EntityFunction] = []
    actions: list[ActionFunction] = []
    crdts: list[CrdtFunction] = []
    for entity in description.entities:
        endpoints = {command.name: _endpoint(command, entity.model, schema) for command in entity.commands}
        inputs = {command.name: PROTOBUF_PREFIX + command.input for command in entity.commands}
        outputs = {command.name: PROTOBUF_PREFIX + command.output for command in entity.commands}
        if entity.model is Model.ACTION:
            actions.append(RemoteAction(link, entity.service, endpoints, inputs))
            continue
        passivation = entity.passivation_ms / 1000
        if entity.model is Model.CRDT:
            named = entity.service, entity.type, passivation
            crdts.append(RemoteCrdt(link, *named, endpoints, inputs, compat.entity_metadata))
            continue
        entities.append(
            RemoteEntity(
                link,
                EventSourced() if entity.model is Model.EVENT_SOURCED else ValueEntity(),
                entity.service,
                entity.type,
                passivation,
                endpoints,
                inputs,
                outputs,
                compat.entity_metadata,
            )
        )
    return Announced(description, tuple(entities), tuple(actions), tuple(crdts))


def _check_version(info: pb.ServiceInfo) -> None:
    version = info.protocol_major_version, info.protocol_minor_version
    if version != (MAJOR, MINOR):
        raise ServiceInvalid(
            f"Incompatible protocol version {version[0]}.{version[1]}, only {MAJOR}.{MINOR} is supported",
            help="use a support library of that version, or start the proxy with `--no-version-check`",
        )


def _entity(entity: pb.Entity, schema: Schema) -> EntityDescription:
    model = _MODELS.get(entity.entity_type)
    if model is None:
        raise ServiceInvalid(
            f"Service [{entity.service_name}] has declared an unsupported entity type [{entity.entity_type}]. "
            f"Supported types are {', '.join(_SERVED)}",
            help=_HELP,
        )
    try:
        methods = schema.service(entity.service_name).methods
    except ServiceInvalid:
        raise ServiceInvalid(f"Service [{entity.service_name}] not found in descriptors!", help=_HELP) from None
    commands = tuple(
        CommandDescription(
            name=method.name,
            input=method.input_type.full_name,
            output=method.output_type.full_name,
            key=() if model is Model.ACTION else entity_key(method.input_type),
            client_streaming=bool(method.client_streaming),
            server_streaming=bool(method.server_streaming),
        )
        for method in methods
    )
    if model is not Model.ACTION:
        _check_commands(entity, commands, model)
    strategy = entity.passivation_strategy
    timeout = strategy.timeout.timeout if strategy.HasField("timeout") else 0
    return EntityDescription(
        service=entity.service_name,
        model=model,
        type=entity.persistence_id or entity.service_name,  # some libraries name none for CRDTs
        commands=commands,
        passivation_ms=timeout if timeout > 0 else DEFAULT_PASSIVATION_MS,
        idempotency_window=_window(entity),
    )


def _window(entity: pb.Entity) -> int | None:
    if not entity.HasField("idempotency_window"):
        return None
    window = entity.idempotency_window
    if not 0 <= window <= MAX_WINDOW:
        raise ServiceInvalid(
            f"Service [{entity.service_name}] asks for {window} kept answers of each entity",
            help=f"write 0 to {MAX_WINDOW}",
        )
    return window


def _check_commands(entity: pb.Entity, commands: Iterable[CommandDescription], model: Model) -> None:
    may_stream = model is Model.CRDT
    streamed = [it.name for it in commands if it.client_streaming or (it.server_streaming and not may_stream)]
    if streamed:
        raise ServiceInvalid(
            f"Service [{entity.service_name}] has streamed methods: {', '.join(streamed)}; entities of the type "
            f"[{entity.entity_type}] take {'' if may_stream else 'and give '}one message",
            help="make them unary, or move them to an action",
        )
    keyless = [command.name for command in commands if not command.key]
    if keyless:
        raise ServiceInvalid(
            f"Service [{entity.service_name}] has methods without keys: {', '.join(keyless)}",
            help="mark the key fields of their inputs with `[(cloudstate.entity_key) = true]`",
        )
    if not entity.persistence_id and model is not Model.CRDT:
        raise ServiceInvalid(
            f"Service [{entity.service_name}] has no persistence id",
            help="name what its data is stored under, when it is registered in the user function",
        )


def _endpoint(command: CommandDescription, model: Model, schema: Schema) -> Endpoint:
    message = schema.message_class(command.input)
    is_action = model is Model.ACTION
    return Endpoint(
        name=command.name,
        parse=_untouched if is_action else message.FromString,
        key=None if is_action else key_reader(message, command.key),
        client_streaming=command.client_streaming,
        server_streaming=command.server_streaming,
    )


def _untouched(payload: bytes) -> bytes:
    return payload
