"""What a function's code makes of a command, as messages of the CloudState protocol."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.any_pb2 import Any

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.entity.messages import Failure, Forward, Reply, SideEffect
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.function.remote.messages import metadata_message
from cloudstate.runtime.payload import PROTOBUF_PREFIX


class Messages:
    """Makes messages; knows the type URLs of all commands' inputs and outputs, by service and command.

    Attributes:
        proxy_knows_status: the proxy that has discovered the function is one of ours.
    """

    def __init__(self, description: ServiceDescription) -> None:
        self.proxy_knows_status = False
        commands = [(entity.service, command) for entity in description.entities for command in entity.commands]
        self.inputs = {(service, it.name): PROTOBUF_PREFIX + it.input for service, it in commands}
        self.outputs = {(service, it.name): PROTOBUF_PREFIX + it.output for service, it in commands}

    def reply(self, service: str, command: str, reply: Reply) -> pb.Reply:
        """An answer to a command of this function."""
        payload = Any(type_url=self.outputs[service, command], value=reply.payload)
        return pb.Reply(payload=payload, metadata=metadata_message(reply.metadata))

    def forward(self, forward: Forward) -> pb.Forward:
        """A forward; the type of its payload is known if the command is one of this function."""
        url = self.inputs.get((forward.service, forward.command), "")
        return pb.Forward(
            service_name=forward.service,
            command_name=forward.command,
            payload=Any(type_url=url, value=forward.payload),
            metadata=metadata_message(forward.metadata),
        )

    def side_effects(self, effects: Iterable[SideEffect]) -> list[pb.SideEffect]:
        """Side effects, in order."""
        return [
            pb.SideEffect(
                service_name=effect.service,
                command_name=effect.command,
                payload=Any(type_url=self.inputs.get((effect.service, effect.command), ""), value=effect.payload),
                synchronous=effect.synchronous,
                metadata=metadata_message(effect.metadata),
            )
            for effect in effects
        ]

    def failure(self, failure: Failure, command_id: int = 0) -> pb.Failure:
        """A failure that is meant for the client.

        Its status is said to proxies that know the field only: UNKNOWN is what others give every failure, and their
        compatibility kit compares messages to the last field.
        """
        says = self.proxy_knows_status and failure.status is not StatusCode.UNKNOWN
        return pb.Failure(
            command_id=command_id,
            description=failure.description,
            restart=failure.restart,
            grpc_status=int(failure.status) if says else 0,
        )
