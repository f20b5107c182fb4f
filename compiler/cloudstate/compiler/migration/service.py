"""A StatefulService of the operator as a spec of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from cloudstate.compiler.backends.kubernetes.dump import dump
from cloudstate.compiler.checks.names import problem_of_name
from cloudstate.compiler.diagnostics import Sink, codes
from cloudstate.compiler.migration.container import convert_container
from cloudstate.compiler.migration.documents import SETTINGS, Document, Documents
from cloudstate.compiler.migration.fields import Fields
from cloudstate.compiler.migration.scaling import convert_scaling
from cloudstate.compiler.migration.store import MEMORY, convert_store, store_of

_PATCH = "if it is needed, patch the pod of the workload with kustomize"
_TAKEN = ("containers", "replicas", "storeConfig", "datastore", "autoscaling")
#: Keys that only the first generation of the operator has.
_FIRST = {
    "volumes": _PATCH,
    "serviceAccountName": "give the rights to the account that the manifests make, which has the service's name",
    "sidecarResources": "look at `deploy.resources`: it holds for the function and for the proxy, each",
    "sidecarJvmMemory": "leave it out: the proxy is no JVM",
    "nodeSelector": _PATCH,
    "tolerations": _PATCH,
}
#: What the API server writes, and what ``kubectl`` remembers.
_OF_THE_SERVER = (
    "creationTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "name",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)
_METADATA = {
    "namespace": "name it when you apply: `cloudstate apply --namespace NAMESPACE`",
    "labels": "add them with `labels` in a kustomization of your own",
    "annotations": "add them with `commonAnnotations` in a kustomization of your own",
}
_OF_KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"


ProtosOf: TypeAlias = Callable[[str], Sequence[str]]


def convert_service(document: Document, documents: Documents, protos_of: ProtosOf, sink: Sink) -> str:
    """The text of a spec; "" where so much is wrong that there is none.

    Args:
        document: the StatefulService.
        documents: all that was found, for its store and its settings.
        protos_of: the .proto files that lie where the spec will look for them, by the service's name.
        sink: takes what cannot be said in a spec.
    """
    name = document.name
    wrong = problem_of_name(name)
    if wrong is not None:
        sink.add(wrong)
        return ""
    _leave(document, sink)
    store = convert_store(document, documents.stores, sink)
    container = convert_container(document, sink)
    is_first = any(document.spec.get(key) for key in ("datastore", "autoscaling", *_FIRST))
    scaling = convert_scaling(document, documents.settings.get(f"{SETTINGS}{name.value}"), is_first, sink)
    scaling = _alone(document, scaling, store, sink)
    protos = protos_of(name.value)
    meeting = _meeting(name.value, scaling, store)
    _say_what_is_missing(document, protos, meeting, sink)
    deploy = {"image": container.pop("image", ""), **scaling, **meeting, **container}
    spec = {"protos": list(protos), "entities": [], "placement": "sidecar", "store": store, "deploy": deploy}
    return _text(name.value, spec)


def _text(name: str, spec: dict[str, Any]) -> str:
    head = {"apiVersion": "cloudstate.io/v1", "kind": "StatefulService", "metadata": {"name": name}, "spec": spec}
    return dump(head, f"# Made of the StatefulService `{name}` of the operator by `cloudstate migrate`.").decode()


def _leave(document: Document, sink: Sink) -> None:
    fields = Fields(sink)
    fields.left(document.spec, _TAKEN, _FIRST)
    fields.left(document.body, ("apiVersion", "kind", "metadata", "spec", "status"), {})
    metadata = fields.mapping(document.body, "metadata")
    annotations = fields.mapping(metadata, "annotations")
    own = [it for it in (annotations.entries if annotations else ()) if it.key != _OF_KUBECTL]
    taken = _OF_THE_SERVER if own else (*_OF_THE_SERVER, "annotations")
    fields.left(metadata, taken, _METADATA, "leave it out: no object of ours has it")


def _alone(document: Document, scaling: dict[str, Any], store: dict[str, Any], sink: Sink) -> dict[str, Any]:
    """One replica where the store is the memory of one."""
    used = store_of(document)
    if used is None or store != MEMORY or _most(scaling) < 2:
        return scaling
    found = codes.REPLICAS_REDUCED.at(used.span, "lives in the memory of one", name=document.name.value)
    sink.add(found.help("choose a store of kind `postgresql` or `jetstream` to have more"))
    return {"replicas": 1}


def _meeting(name: str, scaling: dict[str, Any], store: dict[str, Any]) -> dict[str, Any]:
    """Where several replicas meet that share a store."""
    is_shared = store not in ({}, MEMORY)
    return {"cluster": {"secret": f"{name}-cluster"}} if is_shared and _most(scaling) > 1 else {}


def _most(scaling: dict[str, Any]) -> int:
    most: int = scaling["autoscale"]["max"] if "autoscale" in scaling else scaling.get("replicas", 1)
    return most


def _say_what_is_missing(document: Document, protos: Sequence[str], meeting: dict[str, Any], sink: Sink) -> None:
    found = codes.SPEC_INCOMPLETE.at(document.name.span, name=document.name.value)
    found = found.note("the operator's documents say how a service runs, not what it is")
    if not protos:
        found = found.help("put its .proto files into `protos` beside the spec, and list them under `protos`")
    found = found.help(
        "list its gRPC services under `entities`: the state model of each, and its persistence id as `type`"
    )
    if meeting:
        secret = meeting["cluster"]["secret"]
        found = found.help(f"make the Secret `{secret}` with the address of NATS under `url`: replicas meet there")
    sink.add(
        found.help("write the image of the proxy as `deploy.proxy`, unless the function's image has `cloudstate` in it")
    )
