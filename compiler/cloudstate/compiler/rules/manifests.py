"""Manifests as the rules see them: all objects of a set, their pods, and what selects what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.source import Mapping as MappingNode
from cloudstate.compiler.source import Node

WORKLOADS = ("apps/StatefulSet", "apps/Deployment")
KNATIVE = "serving.knative.dev/Service"


@dataclass(frozen=True)
class Pod:
    """A pod as a workload would make it.

    Attributes:
        owner: the workload.
        kind: the kind of it, with its group.
        spec: the pod's spec.
        labels: the pod's labels.
    """

    owner: Field
    kind: str
    spec: Field
    labels: Mapping[str, str]

    @property
    def account(self) -> str:
        """The service account."""
        return self.spec.at("serviceAccountName").text or "default"

    def containers(self) -> tuple[Field, ...]:
        """All containers."""
        return (*self.spec.at("initContainers").items(), *self.serving_later())

    def serving_later(self) -> tuple[Field, ...]:
        """The containers that are no init containers."""
        return self.spec.at("containers").items()

    def sidecars(self) -> tuple[Field, ...]:
        """The init containers that run as long as the pod."""
        return tuple(it for it in self.spec.at("initContainers").items() if it.at("restartPolicy").text == "Always")

    def serving(self) -> tuple[Field, ...]:
        """The containers that run as long as the pod."""
        return (*self.sidecars(), *self.serving_later())


@dataclass(frozen=True)
class Manifests:
    """A set of objects that are applied together.

    Attributes:
        objects: the objects in the order of their files.
        minor: the second number of the oldest Kubernetes that they are for.
        digests: whether every image must be pinned by its digest.
    """

    objects: tuple[Field, ...]
    minor: int = 37
    digests: bool = False

    @classmethod
    def of_nodes(cls, nodes: Iterable[Node], minor: int = 37, digests: bool = False) -> Manifests:
        """The objects among YAML documents; what only tools read, such as a kustomization, is none."""
        objects = []
        for node in nodes:
            if isinstance(node, MappingNode) and (kind := node.get("kind")) and "kustomize" not in _version(node):
                objects.append(Field(node, kind.value.span))
        return cls(tuple(objects), minor, digests)

    def of(self, *kinds: str) -> Iterator[Field]:
        """The objects of kinds, each written ``group/Kind``, or ``Kind`` for the core group."""
        return (it for it in self.objects if kind_of(it) in kinds)

    def named(self, kind: str, name: str) -> Field | None:
        """The object of a kind and name."""
        return next((it for it in self.of(kind) if name_of(it) == name), None)

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """A pod of every workload."""
        return tuple(
            Pod(it, kind_of(it), template.at("spec"), template.at("metadata", "labels").texts())
            for it in self.of(*WORKLOADS, KNATIVE)
            if (template := it.at("spec", "template"))
        )

    def selected(self, selector: Mapping[str, str]) -> tuple[Pod, ...]:
        """The pods whose labels are as a selector wants."""
        return tuple(pod for pod in self.pods if selector.items() <= pod.labels.items())

    def services_of(self, pod: Pod) -> tuple[Field, ...]:
        """The Services that lead to a pod."""
        return tuple(
            it
            for it in self.of("Service")
            if (wanted := it.at("spec", "selector").texts()) and wanted.items() <= pod.labels.items()
        )

    def settings(self, pod: Pod) -> dict[str, Field]:
        """The environment of a pod's containers, as far as it stands in the manifests; from Secrets it does not."""
        found: dict[str, Field] = {}
        for container in pod.containers():
            for source in container.at("envFrom").items():
                config = self.named("ConfigMap", source.at("configMapRef", "name").text)
                found |= dict(config.at("data").entries()) if config else {}
            found |= {env.at("name").text: env.at("value") for env in container.at("env").items()}
        return found

    def bounds(self, workload: Field) -> tuple[int, int]:
        """The least and the greatest number of pods that a workload has."""
        scaler = next(self.scalers(workload), None)
        if scaler is not None:
            low, high = scaler.at("spec", "minReplicas").number, scaler.at("spec", "maxReplicas").number
            return 1 if low is None else low, 1 if high is None else high
        count = workload.at("spec", "replicas").number
        return (1, 1) if count is None else (count, count)

    def scalers(self, workload: Field) -> Iterator[Field]:
        """The autoscalers of a workload."""
        for it in self.of("autoscaling/HorizontalPodAutoscaler"):
            target = it.at("spec", "scaleTargetRef")
            same_kind = target.at("kind").text == workload.at("kind").text
            if same_kind and target.at("name").text == name_of(workload):
                yield it


def kind_of(manifest: Field) -> str:
    """The kind with its group, without the version."""
    group, _, _ = manifest.at("apiVersion").text.rpartition("/")
    kind = manifest.at("kind").text
    return f"{group}/{kind}" if group else kind


def name_of(manifest: Field) -> str:
    """The name of an object."""
    return manifest.at("metadata", "name").text


def _version(node: MappingNode) -> str:
    return Field(node, node.span).at("apiVersion").text
