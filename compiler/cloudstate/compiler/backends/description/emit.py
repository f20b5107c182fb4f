"""``service.json`` and ``service.binpb``: canonical, so that equal services give equal bytes.

What the descriptors say themselves (http rules, eventing, field options) is not repeated in the JSON.
"""

from __future__ import annotations

import json
from typing import TypeAlias

from cloudstate.compiler.model import Command, Deployment, Entity, Service
from cloudstate.compiler.output.file_set import FileSet

#: Names the document's format; the runtime refuses any other.
FORMAT = "cloudstate.io/service/v1"

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"


def emit(service: Service) -> FileSet:
    """The two files of the description."""
    text = json.dumps(describe(service), indent=2, sort_keys=True, ensure_ascii=False)
    return FileSet({"service.json": f"{text}\n".encode(), "service.binpb": service.descriptors})


def describe(service: Service) -> dict[str, Json]:
    """The content of ``service.json``."""
    return {
        "format": FORMAT,
        "digest": service.digest,
        "name": service.name,
        "package": service.package,
        "placement": service.placement.value,
        "shards": service.shards,
        "store": {"kind": service.store.kind.value, "secret": service.store.secret},
        "entities": [_entity(entity) for entity in service.entities],
        "deployment": _deployment(service.deployment),
    }


def _entity(entity: Entity) -> Json:
    described: dict[str, Json] = {
        "service": entity.service,
        "model": entity.model.value,
        "type": entity.type,
        "implementation": entity.implementation,
        "state": entity.state.full_name if entity.state else None,
        "events": [event.full_name for event in entity.events],
        "snapshot_every": entity.snapshot_every,
        "passivation_ms": entity.passivation_ms,
        "crdt": entity.crdt,
        "commands": [_command(command) for command in entity.commands],
    }
    if entity.idempotency_window is not None:
        described["idempotency_window"] = entity.idempotency_window
    if entity.upcasters:
        described["upcasters"] = [
            {"from": upcaster.source, "to": upcaster.target.full_name, "converted": upcaster.type is not None}
            for upcaster in entity.upcasters
        ]
    return described


def _command(command: Command) -> Json:
    return {
        "name": command.name,
        "input": command.input.full_name,
        "output": command.output.full_name,
        "key": list(command.key),
        "client_streaming": command.client_streaming,
        "server_streaming": command.server_streaming,
        "effect": command.effect.value if command.effect else None,
        "emits": [event.full_name for event in command.emits],
    }


def _deployment(deployment: Deployment) -> Json:
    scale = deployment.autoscale
    return {
        "image": deployment.image,
        "replicas": deployment.replicas,
        "autoscale": {"min": scale.min, "max": scale.max, "cpu": scale.cpu} if scale else None,
        "mesh": deployment.mesh,
        "callers": list(deployment.callers),
        "resources": {"cpu": deployment.resources.cpu, "memory": deployment.resources.memory},
    }
