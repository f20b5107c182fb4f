"""Knative: actions alone, which any replica can serve and which may sleep.

Knative makes the Service itself and owns the number of replicas; it lets a container have one port, no lifecycle and no
init container.
"""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import PORT, config_hash, from_secrets
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata
from cloudstate.compiler.backends.kubernetes.names import config_name, object_name
from cloudstate.compiler.backends.kubernetes.pod import CONTAINER
from cloudstate.compiler.model import Service

#: Seconds; the longest that Knative grants without being told otherwise. Streams end with it.
TIMEOUT = 600


def knative_service(service: Service) -> Manifest:
    """The serving Service."""
    meta = metadata(service, object_name(service.name))
    annotations = {"cloudstate.io/config-hash": config_hash(service)} | _scale(service)
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "template": {
                "metadata": {"labels": meta["labels"], "annotations": annotations},
                "spec": {
                    "serviceAccountName": object_name(service.name),
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "timeoutSeconds": TIMEOUT,
                    "containers": [_container(service)],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            }
        },
    }


def _scale(service: Service) -> dict[str, str]:
    bounds = service.deployment.autoscale
    if bounds is None:
        return {"autoscaling.knative.dev/min-scale": str(service.deployment.replicas)}
    return {
        "autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev",
        "autoscaling.knative.dev/metric": "cpu",
        "autoscaling.knative.dev/target": str(bounds.cpu),
        "autoscaling.knative.dev/min-scale": str(bounds.min),
        "autoscaling.knative.dev/max-scale": str(bounds.max),
    }


def _container(service: Service) -> Manifest:
    resources = service.deployment.resources
    env = from_secrets(service)
    return {
        "name": CONTAINER,
        "image": service.deployment.image,
        # The name says the protocol: HTTP/2 without TLS, which gRPC is.
        "ports": [{"name": "h2c", "containerPort": PORT, "protocol": "TCP"}],
        "envFrom": [{"configMapRef": {"name": config_name(service.name)}}],
        **({"env": env} if env else {}),
        "resources": {
            "requests": {"cpu": resources.cpu, "memory": resources.memory},
            "limits": {"memory": resources.memory},
        },
        "readinessProbe": {"grpc": {"port": PORT}, "periodSeconds": 5, "failureThreshold": 2},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - an emptyDir of the pod's own
    }
