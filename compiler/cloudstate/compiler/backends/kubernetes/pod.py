"""The pod: one container with the author's image, fit for a namespace with the ``restricted`` pod security level."""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import DATA, PORT, STORE_SECRET, config_hash, has_volume
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import config_name, object_name
from cloudstate.compiler.model import Service

CONTAINER = "service"

#: Seconds between the pod's deletion and SIGTERM: load balancers need them to take it out of rotation.
_LEAVE_ROTATION = 5
#: Seconds the runtime has to finish what runs, hand over and close the journal.
_DRAIN = 30
_MARGIN = 10
#: The group that may write to the volume; any number other than root's does.
_GROUP = 65532


def pod_template(service: Service) -> Manifest:
    """The template of a workload's pods."""
    meta = metadata(service, object_name(service.name))
    return {
        "metadata": {
            "labels": meta["labels"],
            "annotations": {"cloudstate.io/config-hash": config_hash(service)},
        },
        "spec": _spec(service),
    }


def _spec(service: Service) -> Manifest:
    spec: Manifest = {
        "serviceAccountName": object_name(service.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _LEAVE_ROTATION + _DRAIN + _MARGIN,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(service)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "topologySpreadConstraints": [
            _spread(service, "topology.kubernetes.io/zone"),
            _spread(service, "kubernetes.io/hostname"),
        ],
    }
    if has_volume(service):
        spec["securityContext"] |= {"fsGroup": _GROUP, "fsGroupChangePolicy": "OnRootMismatch"}
    if service.store.secret:
        spec["volumes"].append({"name": "store", "secret": {"secretName": service.store.secret}})
    return spec


def _spread(service: Service, key: str) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(service)},
    }


def _container(service: Service) -> Manifest:
    resources = service.deployment.resources
    return {
        "name": CONTAINER,
        "image": service.deployment.image,
        "ports": [{"name": "grpc", "containerPort": PORT, "protocol": "TCP"}],
        "envFrom": [{"configMapRef": {"name": config_name(service.name)}}],
        # No limit on CPU: throttling would show in the latency of commands.
        "resources": {
            "requests": {"cpu": resources.cpu, "memory": resources.memory},
            "limits": {"memory": resources.memory},
        },
        # Recovery of the journal happens before the first success; it may take five minutes.
        "startupProbe": _probe(period=2, failures=150),
        "readinessProbe": _probe(period=5, failures=2),
        "livenessProbe": _probe(period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": _LEAVE_ROTATION}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": _mounts(service),
    }


def _probe(period: int, failures: int) -> Manifest:
    return {"grpc": {"port": PORT}, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}


def _mounts(service: Service) -> list[Manifest]:
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - an emptyDir of the pod's own
    if has_volume(service):
        mounts.append({"name": "data", "mountPath": DATA})
    if service.store.secret:
        mounts.append({"name": "store", "mountPath": STORE_SECRET, "readOnly": True})
    return mounts
