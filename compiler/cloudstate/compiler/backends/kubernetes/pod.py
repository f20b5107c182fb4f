"""The pod, fit for a namespace with the ``restricted`` pod security level.

Embedded: one container, the runtime with the author's code. Sidecar: the author's function, and the proxy as a native
sidecar that starts before it and ends after it.
"""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import (
    DATA,
    METRICS_PORT,
    PORT,
    config_hash,
    from_secrets,
    has_volume,
    is_stateful,
)
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import config_name, object_name
from cloudstate.compiler.model import Placement, Service

CONTAINER = "service"
PROXY = "proxy"

#: Where the function listens for the proxy.
_FUNCTION_PORT = 8080
#: Seconds between the pod's deletion and SIGTERM: load balancers need them to take it out of rotation.
LEAVE_ROTATION = 5
#: Seconds the runtime has to finish what runs, hand over and close the journal.
DRAIN = 30
_MARGIN = 10
#: The group that may write to the volume; any number other than root's does.
_GROUP = 65532
#: The first Kubernetes that sleeps by itself before it stops a container.
_SLEEPS = 30
_UNPRIVILEGED: Manifest = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


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


def grace(service: Service) -> int:
    """Seconds that the whole pod has to end; what still runs then is killed, and its leases run out."""
    stop = _MARGIN if service.placement is Placement.SIDECAR else 0
    return LEAVE_ROTATION + DRAIN + stop + _MARGIN


def _spec(service: Service) -> Manifest:
    spec: Manifest = {
        "serviceAccountName": object_name(service.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace(service),
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    if service.placement is Placement.SIDECAR:
        spec |= {"initContainers": [_proxy(service)], "containers": [_function(service)]}
    else:
        spec["containers"] = [_runtime(service)]
    spec["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    spec["topologySpreadConstraints"] = [
        _spread(service, "topology.kubernetes.io/zone"),
        _spread(service, "kubernetes.io/hostname"),
    ]
    if has_volume(service):
        spec["securityContext"] |= {"fsGroup": _GROUP, "fsGroupChangePolicy": "OnRootMismatch"}
    return spec


def _spread(service: Service, key: str) -> Manifest:
    constraint: Manifest = {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(service)},
    }
    if not is_stateful(service):
        # The pods of a rollout are counted apart from those that they replace.
        constraint["matchLabelKeys"] = ["pod-template-hash"]
    return constraint


def _runtime(service: Service) -> Manifest:
    return {
        "name": CONTAINER,
        "image": service.deployment.image,
        **_serving(service),
        # Recovery of the journal happens before the first success; it may take five minutes.
        "startupProbe": _probe(period=2, failures=150),
        "readinessProbe": _probe(period=5, failures=2),
        "livenessProbe": _probe(period=10, failures=6),
        "lifecycle": {"preStop": _pause(service, LEAVE_ROTATION)},
        "securityContext": _UNPRIVILEGED,
        "volumeMounts": _mounts(service),
    }


def _proxy(service: Service) -> Manifest:
    own = service.deployment.proxy
    return {
        "name": PROXY,
        "image": own or service.deployment.image,
        # The image of a Python function has the proxy in it; the image of a proxy starts it by itself.
        **({} if own else {"command": ["cloudstate", "proxy"]}),
        "restartPolicy": "Always",
        **_serving(service),
        # The function starts only after it, so it asks for no more than an open journal, which may take five minutes.
        "startupProbe": {"httpGet": {"path": "/alive", "port": METRICS_PORT}, **_patience(period=2, failures=150)},
        "readinessProbe": _probe(period=5, failures=2),
        "livenessProbe": _probe(period=10, failures=30),
        # It drains while the function still runs; SIGTERM would come only after the function has ended.
        "lifecycle": {"preStop": {"exec": {"command": ["python", "-c", _DRAINING]}}},
        "securityContext": _UNPRIVILEGED,
        "volumeMounts": _mounts(service),
    }


_DRAINING = f"import os, signal, time; time.sleep({LEAVE_ROTATION}); os.kill(1, signal.SIGTERM); time.sleep({DRAIN})"


def _function(service: Service) -> Manifest:
    return {
        "name": CONTAINER,
        "image": service.deployment.image,
        "env": [{"name": "HOST", "value": "127.0.0.1"}, {"name": "PORT", "value": str(_FUNCTION_PORT)}],
        "resources": _resources(service),
        # It outlives the drain of the proxy, which needs it for every command that still runs.
        "lifecycle": {"preStop": _pause(service, LEAVE_ROTATION + DRAIN)},
        "securityContext": _UNPRIVILEGED,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - an emptyDir of the pod's own
    }


def _serving(service: Service) -> Manifest:
    ports = [{"name": "grpc", "containerPort": PORT, "protocol": "TCP"}]
    if service.deployment.metrics:
        ports.append({"name": "http-metrics", "containerPort": METRICS_PORT, "protocol": "TCP"})
    serving: Manifest = {"ports": ports, "envFrom": [{"configMapRef": {"name": config_name(service.name)}}]}
    env = from_secrets(service)
    if service.placement is Placement.SIDECAR:
        env.append({"name": "USER_FUNCTION_PORT", "value": str(_FUNCTION_PORT)})
    if env:
        serving["env"] = env
    return serving | {"resources": _resources(service)}


def _resources(service: Service) -> Manifest:
    resources = service.deployment.resources
    # No limit on CPU: throttling would show in the latency of commands.
    return {
        "requests": {"cpu": resources.cpu, "memory": resources.memory},
        "limits": {"memory": resources.memory},
    }


def _pause(service: Service, seconds: int) -> Manifest:
    if service.deployment.minor < _SLEEPS:
        return {"exec": {"command": ["sleep", str(seconds)]}}
    return {"sleep": {"seconds": seconds}}


def _probe(period: int, failures: int) -> Manifest:
    return {"grpc": {"port": PORT}, **_patience(period, failures)}


def _patience(period: int, failures: int) -> Manifest:
    return {"periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}


def _mounts(service: Service) -> list[Manifest]:
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - an emptyDir of the pod's own
    if has_volume(service):
        mounts.append({"name": "data", "mountPath": DATA})
    return mounts
