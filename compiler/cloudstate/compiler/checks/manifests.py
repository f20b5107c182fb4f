"""What a target cannot do, or would do otherwise than the spec looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudstate.compiler.checks.deployment import is_label, is_subdomain
from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.service import Placement
from cloudstate.compiler.model.spec import DeploymentSpec, Spec

_MESHES = frozenset({"istio", "istio-ambient"})
_HTTPS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s@]*)?")


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with the parts of ``deploy`` that are for one target."""
    deployment = spec.deployment
    mesh = deployment.mesh.value if deployment.mesh else "none"
    yield from _tokens(deployment, mesh)
    yield from _gateway(deployment, mesh)
    yield from _secrets(deployment)
    if mesh == "knative":
        yield from _knative(spec)
    if deployment.proxy is not None and (spec.placement is None or spec.placement.value is not Placement.SIDECAR):
        found = codes.PROXY_UNUSED.at(deployment.proxy.span, "has no effect")
        yield found.help("add `placement: sidecar`, or leave it out")


def _tokens(deployment: DeploymentSpec, mesh: str) -> Iterator[Diagnostic]:
    jwt = deployment.jwt
    if jwt is None:
        return
    if mesh not in _MESHES:
        found = codes.JWT_WITHOUT_MESH.at(jwt.span, "has no effect", mesh=mesh)
        yield found.help("choose `mesh: istio` or `istio-ambient`, or leave it out")
    if not _HTTPS.fullmatch(jwt.keys.value):
        found = codes.BAD_KEYS_ADDRESS.at(jwt.keys.span, "the keys must come over TLS", found=jwt.keys.value)
        yield found.help("write for example `https://id.example/keys`")


def _gateway(deployment: DeploymentSpec, mesh: str) -> Iterator[Diagnostic]:
    gateway = deployment.gateway
    if gateway is None and mesh == "gateway-api" and deployment.mesh is not None:
        found = codes.GATEWAY_MISSING.at(deployment.mesh.span, "reachable inside the cluster only")
        yield found.help("add `gateway: NAME` or `gateway: NAMESPACE/NAME`")
    if gateway is None and deployment.hosts:
        found = codes.HOSTS_UNUSED.at(deployment.hosts[0].span, "has no effect")
        yield found.help("add `gateway: NAME`, or leave the hosts out")
    if gateway is not None:
        namespace, slash, name = gateway.value.rpartition("/")
        if not is_subdomain(name) or (slash and not is_label(namespace)):
            found = codes.BAD_RESOURCE_NAME.at(gateway.span, "not a name", name=gateway.value, kind="gateway")
            yield found.help("write `NAME` or `NAMESPACE/NAME`")
    for host in deployment.hosts:
        if not is_subdomain(host.value.removeprefix("*.")):
            found = codes.BAD_HOST.at(host.span, "not a DNS name", name=host.value)
            yield found.help("write for example `shop.example` or `*.shop.example`")


def _secrets(deployment: DeploymentSpec) -> Iterator[Diagnostic]:
    for secret in (deployment.broker, deployment.cluster):
        if secret is not None and not is_subdomain(secret.value):
            found = codes.BAD_RESOURCE_NAME.at(secret.span, "not a DNS subdomain", name=secret.value, kind="secret")
            yield found.help("use lower-case letters, digits, `-` and `.`")


def _knative(spec: Spec) -> Iterator[Diagnostic]:
    if spec.placement is not None and spec.placement.value is Placement.SIDECAR:
        found = codes.SIDECAR_ON_KNATIVE.at(spec.placement.span, "a second container")
        yield found.help("write `placement: embedded`, or choose another mesh")
    if spec.deployment.callers:
        found = codes.CALLERS_UNENFORCED.at(spec.deployment.callers[0].span, "has no effect")
        yield found.help("choose another mesh, or leave `callers` out")
    for entity in spec.entities:
        for rpc in entity.service.value.rpcs:
            if rpc.client_streaming or rpc.server_streaming:
                found = codes.STREAM_ENDS.at(rpc.span, "a stream", name=rpc.name)
                yield found.help("let callers open it again, or choose another mesh")
