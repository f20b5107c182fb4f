"""Gateway API: the route by which a gateway reaches the service.

HTTP/JSON has no route of its own: a gateway refuses an HTTPRoute and a GRPCRoute for one host name.
"""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import PORT
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata
from cloudstate.compiler.backends.kubernetes.names import object_name
from cloudstate.compiler.model import Entity, Service

#: A rule of a route takes no more matches than this.
_MATCHES = 8


def grpc_route(service: Service, gateway: str) -> Manifest:
    """The GRPCRoute: everything that the service's entities serve."""
    namespace, _, name = gateway.rpartition("/")
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name}
    spec: Manifest = {"parentRefs": [parent | ({"namespace": namespace} if namespace else {})]}
    if service.deployment.hosts:
        spec["hostnames"] = list(service.deployment.hosts)
    entities = service.entities
    spec["rules"] = [_rule(service, entities[start : start + _MATCHES]) for start in range(0, len(entities), _MATCHES)]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GRPCRoute",
        "metadata": metadata(service, object_name(service.name), component="route"),
        "spec": spec,
    }


def _rule(service: Service, entities: tuple[Entity, ...]) -> Manifest:
    return {
        "matches": [{"method": {"type": "Exact", "service": entity.service}} for entity in entities],
        "backendRefs": [{"kind": "Service", "name": object_name(service.name), "port": PORT}],
    }
