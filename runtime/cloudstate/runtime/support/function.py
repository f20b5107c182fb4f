"""A user function: its methods by path, for a transport server (protocol.md sections 1.0 and 5)."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterable
from importlib.metadata import version

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.description import Model, ServiceDescription
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.function.crdt import EmbeddedCrdt
from cloudstate.runtime.function.port import ActionFunction, EntityFunction
from cloudstate.runtime.function.remote import action, crdt, discovery, event_sourced, link, value
from cloudstate.runtime.support.action import action_methods
from cloudstate.runtime.support.crdt import CrdtStreams
from cloudstate.runtime.support.event_sourced import EventSourcedStreams
from cloudstate.runtime.support.messages import Messages
from cloudstate.runtime.support.stream import EntityStreams
from cloudstate.runtime.support.value import ValueStreams
from cloudstate.runtime.transport import Limits, Method, Status, StreamMethod, UnaryCall, UnaryMethod

logger = logging.getLogger(__name__)

#: The only client is a proxy, which has a stream for each live entity.
FUNCTION_LIMITS = Limits(
    max_concurrent_streams=1_000_000, connection_window=64 * 1024 * 1024, reset_burst=1_000_000, reset_rate=1_000_000
)

_TYPES = {
    Model.ACTION: action.ENTITY_TYPE,
    Model.CRDT: crdt.ENTITY_TYPE,
    Model.EVENT_SOURCED: event_sourced.ENTITY_TYPE,
    Model.VALUE: value.ENTITY_TYPE,
}


class UserFunction:
    """What a transport server needs to serve a service's code to a proxy: ``Server(function.methods)``."""

    def __init__(
        self,
        description: ServiceDescription,
        entities: Iterable[EntityFunction],
        actions: Iterable[ActionFunction],
        crdts: Iterable[EmbeddedCrdt] = (),
    ) -> None:
        """Args: what ``cloudstate run`` would serve itself."""
        spec = entity_spec(description)
        self._spec = spec.SerializeToString()
        self._types = {entity.entity_type for entity in spec.entities}
        self._messages = messages = Messages(description)
        by_service = {entity.service: entity for entity in entities}
        models = {
            model: [by_service[it.service] for it in description.entities if it.model is model]
            for model in (Model.EVENT_SOURCED, Model.VALUE)
        }
        self._methods: dict[str, Method] = {
            discovery.DISCOVER: UnaryMethod(self._discover),
            link.REPORT_ERROR: UnaryMethod(_report_error),
            **action_methods(messages, {action.service: action for action in actions}),
        }
        self._streams: list[EntityStreams | CrdtStreams] = []
        # A function serves the protocols that it uses and no others.
        if models[Model.EVENT_SOURCED]:
            self._serve(event_sourced.ENTITY_TYPE, EventSourcedStreams(messages, models[Model.EVENT_SOURCED]))
        if models[Model.VALUE]:
            self._serve(value.ENTITY_TYPE, ValueStreams(messages, models[Model.VALUE]))
        replicated = tuple(crdts)
        if replicated:
            self._serve(crdt.ENTITY_TYPE, CrdtStreams(messages, replicated))

    def _serve(self, entity_type: str, streams: EntityStreams | CrdtStreams) -> None:
        self._methods[f"/{entity_type}/handle"] = StreamMethod(streams.serve)
        self._streams.append(streams)

    def methods(self, path: str) -> Method | None:
        """The method at a path, or None."""
        return self._methods.get(path)

    def leave(self) -> None:
        """The process is about to end: entities end their streams as soon as they are idle."""
        for streams in self._streams:
            streams.leave()

    def _discover(self, call: UnaryCall, payload: bytes) -> None:
        try:
            info = pb.ProxyInfo.FromString(payload)
        except DecodeError:
            call.fail(Status(StatusCode.INVALID_ARGUMENT, "the request is not a ProxyInfo"))
            return
        logger.info(
            "discovered by %s %s, protocol %d.%d",
            info.proxy_name,
            info.proxy_version,
            info.protocol_major_version,
            info.protocol_minor_version,
            extra={"peer": call.peer},
        )
        self._warn(info)
        self._messages.proxy_knows_status = info.proxy_name == discovery.PROXY_NAME
        call.reply(self._spec)

    def _warn(self, info: pb.ProxyInfo) -> None:
        """What does not fit is for the proxy to refuse; it then says so through ``reportError``."""
        version = info.protocol_major_version, info.protocol_minor_version
        ours = discovery.MAJOR, discovery.MINOR
        if version != ours:
            logger.warning("the proxy speaks protocol %d.%d, this is %d.%d", *version, *ours)
        missing = sorted(self._types - set(info.supported_entity_types))
        if missing:
            logger.warning("the proxy does not support these entity types: %s", ", ".join(missing))


def entity_spec(description: ServiceDescription) -> pb.EntitySpec:
    """What the function says of itself."""
    files = FileDescriptorSet(file=description.schema.files)
    return pb.EntitySpec(
        proto=files.SerializeToString(),
        entities=[
            pb.Entity(
                entity_type=_TYPES[entity.model],
                service_name=entity.service,
                persistence_id=entity.type,
                passivation_strategy=None
                if entity.model is Model.ACTION
                else pb.EntityPassivationStrategy(timeout=pb.TimeoutPassivationStrategy(timeout=entity.passivation_ms)),
                idempotency_window=entity.idempotency_window,
            )
            for entity in description.entities
        ],
        service_info=pb.ServiceInfo(
            service_name=description.name,
            service_runtime=f"{platform.python_implementation()} {platform.python_version()}",
            support_library_name="cloudstate-py",
            support_library_version=version("cloudstate-py"),
            protocol_major_version=discovery.MAJOR,
            protocol_minor_version=discovery.MINOR,
        ),
    )


def _report_error(call: UnaryCall, payload: bytes) -> None:
    try:
        error = pb.UserFunctionError.FromString(payload)
    except DecodeError:
        call.fail(Status(StatusCode.INVALID_ARGUMENT, "the request is not a UserFunctionError"))
        return
    logger.error("Error reported from sidecar: %s", error.message, extra={"peer": call.peer})
    call.reply(Empty().SerializeToString())
