"""Where and how the service is to run: what cannot be deployed, or would lose data if it were."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.entity import Model
from cloudstate.compiler.model.spec import DeploymentSpec, Spec
from cloudstate.compiler.source import Located

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_QUANTITY = re.compile(r"(?=.*[1-9])[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_PATH = r"[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"([A-Za-z0-9][-A-Za-z0-9.]*(:[0-9]+)?/)?{_PATH}(/{_PATH})*"
    r"(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?"
)


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with ``deploy``."""
    deployment = spec.deployment
    yield from _replicas(deployment)
    yield from _mesh(spec)
    yield from _texts(deployment)


def is_label(name: str) -> bool:
    """Whether Kubernetes takes this as a DNS label."""
    return _LABEL.fullmatch(name) is not None


def is_subdomain(name: str) -> bool:
    """Whether Kubernetes takes this as a DNS subdomain, which most objects are named by."""
    return _SUBDOMAIN.fullmatch(name) is not None and len(name) <= 253


def _replicas(deployment: DeploymentSpec) -> Iterator[Diagnostic]:
    autoscale = deployment.autoscale
    if autoscale is None:
        return
    if autoscale.min.value > autoscale.max.value:
        found = codes.AUTOSCALE_BOUNDS.at(autoscale.min.span, min=autoscale.min.value, max=autoscale.max.value)
        yield found.also(autoscale.max.span, "less than `min`").help("exchange the two")
    if deployment.replicas is not None:
        found = codes.AUTOSCALE_AND_REPLICAS.at(deployment.replicas.span, "has no effect")
        yield found.also(autoscale.span, "decides how many there are").help("keep one of them")


def _mesh(spec: Spec) -> Iterator[Diagnostic]:
    mesh = spec.deployment.mesh
    if mesh is None or mesh.value != "knative":
        return
    for entity in spec.entities:
        if entity.model.value is not Model.ACTION:
            found = codes.STATEFUL_KNATIVE.at(mesh.span, model=entity.model.value, name=entity.name)
            found = found.also(entity.service.span, "keeps state").note(
                "Knative starts and stops replicas by request, and gives them neither names nor volumes"
            )
            yield found.help("choose another mesh, or move the actions to a service of their own")


def _texts(deployment: DeploymentSpec) -> Iterator[Diagnostic]:
    for image in (deployment.image, deployment.proxy):
        if image is not None and not _IMAGE.fullmatch(image.value):
            found = codes.BAD_IMAGE.at(image.span, "not `registry/name:tag`", image=image.value)
            yield found.help("write for example `registry.example/shop/cart:1.2.0`")
    for quantity in (deployment.cpu, deployment.memory):
        if quantity is not None and not _QUANTITY.fullmatch(quantity.value):
            yield from _bad_quantity(quantity)
    for caller in deployment.callers:
        if not is_label(caller.value):
            found = codes.BAD_RESOURCE_NAME.at(caller.span, "not a DNS label", name=caller.value, kind="service")
            yield found.help("write the `metadata.name` of the calling service")


def _bad_quantity(quantity: Located[str]) -> Iterator[Diagnostic]:
    found = codes.BAD_QUANTITY.at(quantity.span, "a positive number with a unit of Kubernetes", found=quantity.value)
    yield found.help("write for example `500m` or `2` for cpu, `256Mi` for memory")
