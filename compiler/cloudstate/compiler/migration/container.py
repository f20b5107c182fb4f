"""The user function's container: its image, and what it gets of CPU and memory."""

from __future__ import annotations

from typing import Any

from cloudstate.compiler.diagnostics import Sink, codes
from cloudstate.compiler.migration.documents import Document
from cloudstate.compiler.migration.fields import Fields
from cloudstate.compiler.source import Mapping

_PATCH = "if it is needed, patch the container `service` of the workload with kustomize"
#: The operators named the container and rewrote its ports; the manifests say both themselves.
_TAKEN = ("name", "image", "ports", "resources")
_HELPS = {
    "command": "let the image start by itself, or patch the container `service` of the workload with kustomize",
    "args": "let the image start by itself, or patch the container `service` of the workload with kustomize",
    "env": "set it in the image, or patch the container `service` of the workload with kustomize",
    "lifecycle": "leave it out: the function runs until the proxy has drained",
    "securityContext": "leave it out: the container gets what the restricted standard wants",
}
_LIMITS = {"cpu": "leave it out: memory is limited, CPU is not"}


def convert_container(document: Document, sink: Sink) -> dict[str, Any]:
    """What ``deploy`` says of the image and the resources."""
    fields = Fields(sink)
    containers = fields.items(document.spec, "containers")
    if not containers:
        fields.missing(document.spec, "containers", "a StatefulService")
        return {}
    _others(containers[1:], sink)
    own = containers[0]
    fields.left(own, _TAKEN, _HELPS, _PATCH)
    image = fields.text(own, "image")
    if image is None:
        fields.missing(own, "image", "the container")
        return {}
    resources = _resources(fields, fields.mapping(own, "resources"))
    return {"image": image.value} | ({"resources": resources} if resources else {})


def _others(containers: tuple[Mapping, ...], sink: Sink) -> None:
    for one in containers:
        name = Fields(sink).text(one, "name")
        head = one.entries[0].key_span if one.entries else one.span
        found = codes.CONTAINER_LEFT.at(
            head, "only the first one is the user function", name=name.value if name else ""
        )
        sink.add(found.help("add it to the workload with a kustomize patch"))


def _resources(fields: Fields, resources: Mapping | None) -> dict[str, Any]:
    """CPU as requested; memory as limited, because the manifests request what they limit."""
    requests, limits = fields.mapping(resources, "requests"), fields.mapping(resources, "limits")
    fields.left(resources, ("requests", "limits"), {}, _PATCH)
    fields.left(requests, ("cpu", "memory"), {}, _PATCH)
    fields.left(limits, ("memory",), _LIMITS, _PATCH)
    cpu = fields.quantity(requests, "cpu")
    memory = fields.quantity(limits, "memory") or fields.quantity(requests, "memory")
    return {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value is not None}
