"""What the commands do: they ask the cluster, let the pure modules decide, and do that."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudstate.compiler.cluster.client import Cluster
from cloudstate.compiler.cluster.conflicts import Conflict
from cloudstate.compiler.cluster.drift import difference, drift
from cloudstate.compiler.cluster.errors import FieldsTaken, KindsUnknown
from cloudstate.compiler.cluster.inventory import from_config_map, inventory_ref, to_config_map
from cloudstate.compiler.cluster.objects import DIGEST, Object, Ref, annotated, annotation, ref_of
from cloudstate.compiler.cluster.plan import Plan, is_ours, plan
from cloudstate.compiler.cluster.replicas import is_scaled, targets_of, with_replicas_left
from cloudstate.compiler.cluster.rollout import WORKLOADS, Workload, progress, workload


@dataclass(frozen=True, slots=True)
class Target:
    """What belongs where.

    Attributes:
        project: what the inventory is named after.
        manifests: everything that was generated for it.
    """

    project: str
    manifests: tuple[Object, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What would happen to an object; ``lines`` show it, ``conflicts`` stand against it."""

    ref: Ref
    action: str
    lines: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it was generated: missing, stale, drifted or extra."""

    ref: Ref
    problem: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    ref: Ref
    live: Object | None
    manifest: Object


def diff(cluster: Cluster, target: Target) -> Iterator[Change]:
    """What an apply would change, by the server's own dry run."""
    planned, inventory = _planned(cluster, target)
    for one in _candidates(cluster, planned, inventory):
        conflicts: tuple[Conflict, ...] = ()
        try:
            after = cluster.apply(one.ref, one.manifest, dry_run=True)
        except FieldsTaken as taken:
            conflicts = taken.conflicts
            after = cluster.apply(one.ref, one.manifest, dry_run=True, force=True)
        lines = tuple(difference(one.live, after, str(one.ref)))
        if lines or conflicts:
            yield Change(one.ref, "create" if one.live is None else "change", lines, conflicts)
    for ref in planned.prune:
        live = cluster.get(ref)
        if live is not None and is_ours(live, inventory.name):
            yield Change(ref, "delete", tuple(difference(live, None, str(ref))))


def conflicts(cluster: Cluster, target: Target) -> list[FieldsTaken]:
    """Everything that others have set and that an apply would set otherwise."""
    planned, inventory = _planned(cluster, target)
    found = []
    for one in _candidates(cluster, planned, inventory):
        try:
            cluster.apply(one.ref, one.manifest, dry_run=True)
        except FieldsTaken as taken:
            found.append(taken)
    return found


def apply(cluster: Cluster, target: Target, *, dry_run: bool, force: bool) -> Iterator[Change]:
    """Apply, then delete what left the project. Yields what was done, as it is done.

    The inventory lists an object before it is made and until it is gone, so that a run that is cut off loses nothing.
    """
    planned, inventory = _planned(cluster, target)
    before = cluster.get(inventory)
    listed = from_config_map(before)
    wanted = tuple(ref_of(it, cluster.namespace) for it in planned.apply)
    written = before if dry_run else _write_inventory(cluster, inventory, (*listed, *wanted), before)
    for one in _candidates(cluster, planned, inventory):
        after = cluster.apply(one.ref, one.manifest, dry_run=dry_run, force=force)
        yield Change(one.ref, _done(one, after))
    for ref in planned.prune:
        live = cluster.get(ref)
        if live is None:
            continue
        if is_ours(live, inventory.name):
            if not dry_run:
                cluster.delete(live, ref)
            yield Change(ref, "deleted")
        else:
            yield Change(ref, "left alone: it is not ours any more")
    for ref in planned.kept:
        yield Change(ref, "left alone: it may hold data; delete it yourself")
    if not dry_run:
        _write_inventory(cluster, inventory, wanted, written)


def wait(cluster: Cluster, target: Target, timeout: float, every: float = 1.0) -> Iterator[tuple[Ref, str]]:
    """Wait until the workloads have rolled out. Yields what they wait for as that changes; an empty text is the end.

    Args:
        timeout: for all of them, in seconds.
        every: seconds between two looks.

    Raises:
        TimeoutError: they have not.
    """
    deadline = time.monotonic() + timeout
    for ref in _workloads(cluster, target):
        said = None
        while True:
            live = cluster.get(ref)
            now = "it is not there" if live is None else progress(live)
            if now != said:
                yield ref, now
                said = now
            if not now:
                break
            if now.startswith("it is stuck") or time.monotonic() >= deadline:
                raise TimeoutError(f"{ref} has not rolled out: {now}")
            time.sleep(min(every, max(0.0, deadline - time.monotonic())))


def verify(cluster: Cluster, target: Target) -> Iterator[Finding]:
    """Hold what is live against what was generated. Only reads."""
    planned, inventory = _planned(cluster, target)
    for one in _candidates(cluster, planned, inventory):
        if one.live is None:
            yield Finding(one.ref, "missing", "it is not in the cluster")
            continue
        is_current = annotation(one.live, DIGEST) == annotation(one.manifest, DIGEST)
        if not is_current:
            yield Finding(one.ref, "stale", "another manifest than the generated one was applied last")
        for found in drift(one.manifest, one.live):
            if is_current or not found.path.startswith("metadata.annotations"):
                yield Finding(one.ref, "drifted", str(found))
    for ref in (*planned.prune, *planned.kept):
        live = cluster.get(ref)
        if live is not None and is_ours(live, inventory.name):
            yield Finding(ref, "extra", "it left the project and is still in the cluster")


def status(cluster: Cluster, target: Target) -> Iterator[Workload]:
    """The workloads and how they are."""
    for ref in _workloads(cluster, target):
        live = cluster.get(ref)
        if live is None:
            yield Workload(ref.kind, ref.name, ready=0, desired=1, restarts=0, image="(not applied)", age=0)
            continue
        labels = ",".join(f"{key}={value}" for key, value in live["spec"]["selector"]["matchLabels"].items())
        pods = cluster.all_like(Ref("", "v1", "Pod", ref.namespace, ""), labels)
        yield workload(live, pods, datetime.now(UTC))


def _planned(cluster: Cluster, target: Target) -> tuple[Plan, Ref]:
    """What is to be done, and where the inventory is.

    Raises:
        KindsUnknown: the cluster cannot have it.
    """
    missing = cluster.missing([ref_of(it, cluster.namespace) for it in target.manifests])
    if missing:
        raise KindsUnknown(missing)
    inventory = inventory_ref(target.project, cluster.namespace)
    return plan(target.manifests, from_config_map(cluster.get(inventory)), cluster.namespace), inventory


def _candidates(cluster: Cluster, planned: Plan, inventory: Ref) -> Iterator[_Candidate]:
    """What is sent to the server: the manifests without what belongs to autoscalers."""
    scaled = _autoscaled(cluster, planned.apply)
    for manifest in planned.apply:
        ref = ref_of(manifest, cluster.namespace)
        live = cluster.get(ref)
        sent = with_replicas_left(annotated(manifest, inventory.name), live, scaled)
        yield _Candidate(ref, live, sent)


def _autoscaled(cluster: Cluster, manifests: Sequence[Object]) -> frozenset[tuple[str, str]]:
    if not any(is_scaled(it["kind"]) for it in manifests):
        return frozenset()
    live = cluster.all_like(Ref("autoscaling", "v2", "HorizontalPodAutoscaler", cluster.namespace, ""))
    return targets_of([*manifests, *live])


def _write_inventory(cluster: Cluster, ref: Ref, refs: Sequence[Ref], before: Object | None) -> Object:
    """Write it, unless somebody has written it since ``before``."""
    config_map = dict(to_config_map(ref, refs))
    if before is not None:
        version = before["metadata"]["resourceVersion"]
        config_map["metadata"] = {**config_map["metadata"], "resourceVersion": version}
    return cluster.apply(ref, config_map, force=True)


def _done(one: _Candidate, after: Object) -> str:
    if one.live is None:
        return "created"
    # A dry run has no version of its own to tell by.
    return "changed" if difference(one.live, after, str(one.ref)) else "unchanged"


def _workloads(cluster: Cluster, target: Target) -> list[Ref]:
    return [ref_of(it, cluster.namespace) for it in target.manifests if it["kind"] in WORKLOADS]
