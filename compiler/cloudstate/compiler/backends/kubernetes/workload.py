"""The workload: a StatefulSet where entities keep state, a Deployment where all are actions."""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import has_volume, is_stateful
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import object_name, peers_name, workload_name
from cloudstate.compiler.backends.kubernetes.pod import pod_template
from cloudstate.compiler.model import Service

#: Seconds a pod must stay ready before the next one is replaced.
_MIN_READY = 5
_VOLUME_SIZE = "1Gi"
#: The first Kubernetes that keeps to the number of unavailable pods of a StatefulSet.
_ROLLS_BY_NUMBER = 35


def workload(service: Service) -> Manifest:
    """The StatefulSet or Deployment."""
    stateful = is_stateful(service)
    spec: Manifest = {}
    if service.deployment.autoscale is None:
        # An autoscaler owns the number of replicas; stating it here too would undo its work at every apply.
        spec["replicas"] = service.deployment.replicas
    spec["selector"] = {"matchLabels": selector(service)}
    spec["minReadySeconds"] = _MIN_READY
    if stateful:
        spec |= _identity(service)
    spec["template"] = pod_template(service)
    if has_volume(service):
        spec["volumeClaimTemplates"] = [_claim()]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet" if stateful else "Deployment",
        "metadata": metadata(service, workload_name(service.name)),
        "spec": spec,
    }


def _identity(service: Service) -> Manifest:
    identity: Manifest = {
        "serviceName": peers_name(service.name),
        # One pod at a time would deadlock: a member is ready when it sees its peers. The field cannot be changed later.
        "podManagementPolicy": "Parallel",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    if service.deployment.minor >= _ROLLS_BY_NUMBER:
        identity["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
    return identity


def _claim() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": _VOLUME_SIZE}}},
    }


def service_account(service: Service) -> Manifest:
    """An account of its own, without a token: the runtime does not talk to the API server."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(service, object_name(service.name)),
        "automountServiceAccountToken": False,
    }
