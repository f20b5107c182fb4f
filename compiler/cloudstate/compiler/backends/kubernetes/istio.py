"""Istio: to which pod a command goes, whether it may be tried again, and who may send it.

All of it is an optimisation or a second lock: the runtime forwards what reaches the wrong pod, whatever a mesh does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from cloudstate.compiler.backends.kubernetes.config import METRICS_PORT, PORT
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import object_name, waypoint_name
from cloudstate.compiler.model import Command, CommandEffect, Entity, Jwt, Model, Service

#: Clients stamp commands with the shard of their entity, and with an id by which a second try is recognised.
SHARD_HEADER = "x-cloudstate-shard"
_ID_HEADER = "ce-id"
#: Nothing has happened yet when these are reported.
_UNSENT = "connect-failure,refused-stream,reset-before-request"
_OWNED = frozenset({Model.EVENT_SOURCED, Model.VALUE})
#: Istio takes no more service accounts than this in one source.
_ACCOUNTS = 16


def objects(service: Service) -> dict[str, Manifest]:
    """The objects by the name of their file."""
    found = {
        "destination-rule": destination_rule(service),
        "virtual-service": virtual_service(service),
        "peer-authentication": peer_authentication(service),
    }
    if service.deployment.mesh == "istio-ambient":
        found["waypoint"] = waypoint(service)
    if service.deployment.jwt:
        found["request-authentication"] = request_authentication(service, service.deployment.jwt)
    if service.deployment.callers or service.deployment.jwt:
        found["authorization-policy"] = authorization_policy(service)
        if service.deployment.mesh == "istio-ambient":
            found["waypoint-policy"] = waypoint_policy(service)
    return found


def destination_rule(service: Service) -> Manifest:
    """Commands of one shard go to one pod, and it follows; where no pod owns anything, to the one with least to do."""
    owned = any(entity.model in _OWNED for entity in service.entities)
    hashed = {"consistentHash": {"httpHeaderName": SHARD_HEADER, "maglev": {}}}
    return _istio(
        service,
        "DestinationRule",
        {
            "host": object_name(service.name),
            "trafficPolicy": {
                "loadBalancer": hashed if owned else {"simple": "LEAST_REQUEST"},
                "outlierDetection": {
                    "consecutiveGatewayErrors": 5,
                    "interval": "10s",
                    "baseEjectionTime": "30s",
                    "maxEjectionPercent": 34,
                },
            },
        },
    )


def virtual_service(service: Service) -> Manifest:
    """A command is tried again only if that cannot do it twice: it reads, or it has an id."""
    host = object_name(service.name)
    route = {"route": [{"destination": {"host": host, "port": {"number": PORT}}}]}
    again = {"attempts": 2, "retryOn": f"{_UNSENT},unavailable"}
    http: list[Manifest] = []
    reads = _read_paths(service)
    if reads:
        http.append({"name": "reads", "match": [{"uri": {"exact": it}} for it in reads], **route, "retries": again})
    if any(entity.model in _OWNED for entity in service.entities):
        with_id = {
            "match": [
                {"headers": {_ID_HEADER: {"regex": ".+"}}, "uri": {"prefix": _prefix(entity)}}
                for entity in service.entities
                if entity.model in _OWNED
            ]
        }
        http.append({"name": "commands-with-id", **with_id, **route, "retries": again})
    http.append({"name": "others", **route, "retries": {"attempts": 0}})
    return _istio(service, "VirtualService", {"hosts": [host], "http": http})


def peer_authentication(service: Service) -> Manifest:
    """Nobody gets in without mutual TLS; only metrics may be read by a collector outside the mesh."""
    spec: Manifest = {"selector": {"matchLabels": selector(service)}, "mtls": {"mode": "STRICT"}}
    if service.deployment.metrics:
        spec["portLevelMtls"] = {str(METRICS_PORT): {"mode": "PERMISSIVE"}}
    return _security(service, "PeerAuthentication", spec)


def request_authentication(service: Service, jwt: Jwt) -> Manifest:
    """Refuses bad tokens. That there is one at all is what the AuthorizationPolicy asks for."""
    rule = {"issuer": jwt.issuer, "jwksUri": jwt.keys, "forwardOriginalToken": True}
    return _security(service, "RequestAuthentication", _target(service) | {"jwtRules": [rule]})


def authorization_policy(service: Service) -> Manifest:
    """Lets in the declared callers with a token of the issuer, and the service's own pods. All else is denied."""
    jwt, callers = service.deployment.jwt, service.deployment.callers
    tokens = {"requestPrincipals": [f"{jwt.issuer}/*"]} if jwt else {}
    sources: Iterable[Manifest] = (
        ({"serviceAccounts": [object_name(caller) for caller in batch]} | tokens for batch in _batches(callers))
        if callers
        else [tokens]
    )
    calls = {"operation": {"ports": [str(PORT)]}}
    rules: list[Manifest] = [{"from": [{"source": source} for source in sources], "to": [calls]}]
    if service.deployment.mesh != "istio-ambient":
        rules += _inner_rules(service, [object_name(service.name)])
    return _security(service, "AuthorizationPolicy", _target(service) | {"action": "ALLOW", "rules": rules})


def waypoint_policy(service: Service) -> Manifest:
    """The pods of an ambient mesh take calls from their waypoint and from each other, so nobody goes around it."""
    rules = _inner_rules(service, [object_name(service.name), waypoint_name(service.name)])
    spec = {"selector": {"matchLabels": selector(service)}, "action": "ALLOW", "rules": rules}
    return _security(service, "AuthorizationPolicy", spec, object_name(service.name, "pods"))


def waypoint(service: Service) -> Manifest:
    """The proxy that reads requests in an ambient mesh: without it there is no hash and no token."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata(service, waypoint_name(service.name), component="waypoint"),
        "spec": {
            "gatewayClassName": "istio-waypoint",
            "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
        },
    }


def _inner_rules(service: Service, accounts: list[str]) -> list[Manifest]:
    own = {"from": [{"source": {"serviceAccounts": accounts}}], "to": [{"operation": {"ports": [str(PORT)]}}]}
    metrics = {"to": [{"operation": {"ports": [str(METRICS_PORT)]}}]}
    return [own, metrics] if service.deployment.metrics else [own]


def _batches(callers: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (callers[start : start + _ACCOUNTS] for start in range(0, len(callers), _ACCOUNTS))


def _target(service: Service) -> Manifest:
    if service.deployment.mesh == "istio-ambient":
        return {"targetRefs": [{"group": "", "kind": "Service", "name": object_name(service.name)}]}
    return {"selector": {"matchLabels": selector(service)}}


def _is_read(command: Command) -> bool:
    return command.effect is CommandEffect.READ and not command.client_streaming and not command.server_streaming


def _read_paths(service: Service) -> list[str]:
    return list(
        itertools.chain.from_iterable(
            (f"{_prefix(entity)}{command.name}" for command in entity.commands if _is_read(command))
            for entity in service.entities
        )
    )


def _prefix(entity: Entity) -> str:
    return f"/{entity.service}/"


def _istio(service: Service, kind: str, spec: Manifest) -> Manifest:
    meta = metadata(service, object_name(service.name), component="mesh")
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def _security(service: Service, kind: str, spec: Manifest, name: str | None = None) -> Manifest:
    meta = metadata(service, name or object_name(service.name), component="mesh")
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}
