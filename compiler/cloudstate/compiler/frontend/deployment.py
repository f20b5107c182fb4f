"""``store`` and ``deploy`` of the spec, with their places."""

from __future__ import annotations

from cloudstate.compiler.frontend.yaml_path import lookup, value, values
from cloudstate.compiler.model.deployment import StoreKind
from cloudstate.compiler.model.spec import AutoscaleSpec, DeploymentSpec, JwtSpec, StoreSpec
from cloudstate.compiler.source import Located, Node

_DEFAULT_CPU = 80


def store_of(spec: Node) -> StoreSpec | None:
    """The store, or None where the spec does not say."""
    kind = value(spec, "store", "kind")
    return StoreSpec(Located(StoreKind(kind.value), kind.span), value(spec, "store", "secret")) if kind else None


def deployment_of(spec: Node) -> DeploymentSpec:
    """The deployment; parts that the spec leaves out, or got wrong, are None."""
    return DeploymentSpec(
        image=value(spec, "deploy", "image"),
        replicas=value(spec, "deploy", "replicas"),
        autoscale=_autoscale(spec),
        mesh=value(spec, "deploy", "mesh"),
        callers=values(spec, "deploy", "callers"),
        cpu=_quantity(spec, "cpu"),
        memory=_quantity(spec, "memory"),
        proxy=value(spec, "deploy", "proxy"),
        broker=value(spec, "deploy", "broker", "secret"),
        cluster=value(spec, "deploy", "cluster", "secret"),
        jwt=_jwt(spec),
        gateway=value(spec, "deploy", "gateway"),
        hosts=values(spec, "deploy", "hosts"),
        metrics=value(spec, "deploy", "metrics"),
        kubernetes=value(spec, "deploy", "kubernetes"),
    )


def _autoscale(spec: Node) -> AutoscaleSpec | None:
    node = lookup(spec, "deploy", "autoscale")
    low, high = value(spec, "deploy", "autoscale", "min"), value(spec, "deploy", "autoscale", "max")
    if node is None or low is None or high is None:
        return None
    cpu = value(spec, "deploy", "autoscale", "cpu")
    return AutoscaleSpec(low, high, cpu.value if cpu else _DEFAULT_CPU, node.span)


def _jwt(spec: Node) -> JwtSpec | None:
    node = lookup(spec, "deploy", "jwt")
    issuer, keys = value(spec, "deploy", "jwt", "issuer"), value(spec, "deploy", "jwt", "keys")
    return JwtSpec(issuer, keys, node.span) if node and issuer and keys else None


def _quantity(spec: Node, key: str) -> Located[str] | None:
    found = value(spec, "deploy", "resources", key)
    return Located(str(found.value), found.span) if found else None
