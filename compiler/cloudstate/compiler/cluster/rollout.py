"""How far a workload's rollout is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudstate.compiler.cluster.objects import Object

#: The kinds whose pods are counted.
WORKLOADS = ("Deployment", "StatefulSet")


@dataclass(frozen=True, slots=True)
class Workload:
    """A row of the status; ``age`` and ``restarts`` as of the moment of asking.

    Attributes:
        age: in seconds.
        restarts: of all containers of its pods.
    """

    kind: str
    name: str
    ready: int
    desired: int
    restarts: int
    image: str
    age: int

    @property
    def is_ready(self) -> bool:
        return self.ready >= self.desired


def progress(live: Object) -> str:
    """What a rollout still waits for; nothing, when it is done."""
    status, wanted = live.get("status") or {}, _desired(live)
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return "the controller has not seen it yet"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return f"it is stuck: {condition.get('message', 'its deadline is over')}"
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    if updated < wanted:
        return f"{updated} of {wanted} replicas are updated"
    if status.get("replicas", 0) > wanted:
        return f"{status['replicas'] - wanted} old replicas are still there"
    return f"{ready} of {wanted} replicas are ready" if ready < wanted else ""


def workload(live: Object, pods: Sequence[Object], now: datetime) -> Workload:
    """The row of a workload with its pods."""
    containers = live["spec"]["template"]["spec"]["containers"]
    counts = [it for pod in pods for it in (pod.get("status") or {}).get("containerStatuses") or ()]
    counts += [it for pod in pods for it in (pod.get("status") or {}).get("initContainerStatuses") or ()]
    created = live["metadata"].get("creationTimestamp")
    return Workload(
        kind=live["kind"],
        name=live["metadata"]["name"],
        ready=(live.get("status") or {}).get("readyReplicas", 0),
        desired=_desired(live),
        restarts=sum(int(it.get("restartCount", 0)) for it in counts),
        image=containers[0].get("image", "") if containers else "",
        age=int((now - datetime.fromisoformat(created)).total_seconds()) if created else 0,
    )


def _desired(live: Object) -> int:
    replicas = live["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)
