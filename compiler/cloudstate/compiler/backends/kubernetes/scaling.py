"""How many pods: the autoscaler, and the budget that lets nodes be drained one pod at a time."""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import is_stateful
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import object_name, workload_name
from cloudstate.compiler.backends.kubernetes.pod import CONTAINER
from cloudstate.compiler.model import Autoscale, Service


def autoscaler(service: Service, bounds: Autoscale) -> Manifest:
    """The HorizontalPodAutoscaler. It goes down slowly: every step moves shards."""
    kind = "StatefulSet" if is_stateful(service) else "Deployment"
    usage = {"name": "cpu", "container": CONTAINER, "target": {"type": "Utilization", "averageUtilization": bounds.cpu}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(service, object_name(service.name)),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": workload_name(service.name)},
            "minReplicas": bounds.min,
            "maxReplicas": bounds.max,
            # The container's own usage: that of a mesh's sidecar would blur it.
            "metrics": [{"type": "ContainerResource", "containerResource": usage}],
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": 60},
                "scaleDown": {
                    "stabilizationWindowSeconds": 600,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
                },
            },
        },
    }


def has_budget(service: Service) -> bool:
    """A budget for a single pod would only ever block the node's drain."""
    bounds = service.deployment.autoscale
    return (bounds.min if bounds else service.deployment.replicas) > 1


def disruption_budget(service: Service) -> Manifest:
    """The PodDisruptionBudget."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service, object_name(service.name)),
        "spec": {
            "maxUnavailable": 1,
            # Pods that crash in a loop would otherwise keep their node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(service)},
        },
    }
