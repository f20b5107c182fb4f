"""Conflicts, replicas beside autoscalers, and how far rollouts are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cloudstate.compiler.cluster.conflicts import conflicts_of
from cloudstate.compiler.cluster.replicas import targets_of, with_replicas_left
from cloudstate.compiler.cluster.rollout import progress, workload

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
AUTOSCALER = {"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "x"}}}
OURS = ("cloudstate",)


def deployment(number: int | None = 3, owners: tuple[str, ...] = (), **status: Any) -> dict[str, Any]:
    fields = [{"manager": it, "fieldsV1": {"f:spec": {"f:replicas": {}}}} for it in owners]
    pods = {"spec": {"containers": [{"name": "service", "image": "shop:1"}]}}
    spec = {"template": pods} | ({} if number is None else {"replicas": number})
    metadata = {"name": "x", "generation": 2, "managedFields": fields, "creationTimestamp": "2026-11-25T11:00:00Z"}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": {"observedGeneration": 2, **status}}


@pytest.mark.parametrize(
    ("message", "manager"),
    [
        ('conflict with "kubectl" using apps/v1', "kubectl"),
        ('conflict with "kube-controller-manager" with subresource "scale" using apps/v1', "kube-controller-manager"),
        ('conflict with "argocd-controller" using v1 at 2026-11-25T12:00:00Z', "argocd-controller"),
        ("something else", "unknown"),
    ],
)
def test_a_conflict_names_the_other_manager(message: str, manager: str) -> None:
    cause = {"reason": "FieldManagerConflict", "message": message, "field": ".spec.replicas"}
    [conflict] = conflicts_of({"details": {"causes": [cause]}})
    assert conflict == (manager, "spec.replicas")
    assert str(conflict) == f"`spec.replicas` belongs to `{manager}`"


@pytest.mark.parametrize("status", [{}, {"details": None}, {"details": {"causes": [{"reason": "FieldValueInvalid"}]}}])
def test_another_cause_is_no_conflict(status: dict[str, Any]) -> None:
    assert conflicts_of(status) == ()


def test_an_autoscaler_says_what_it_scales() -> None:
    assert targets_of([AUTOSCALER, {"kind": "Service"}]) == {("Deployment", "x")}


@pytest.mark.parametrize(
    ("generated", "live", "scaled", "sent"),
    [
        (3, None, False, 3),
        (3, None, True, None),
        (3, deployment(7, ("kube-controller-manager",)), False, None),
        (3, deployment(7, ("cloudstate", "kube-controller-manager")), True, None),
        (3, deployment(7, ("kubectl",)), False, 3),
        (3, deployment(7, ("kubectl",)), True, None),
        # Only we have ever set them: to leave them out would scale the workload down to one.
        (None, deployment(7, OURS), True, 7),
        (3, deployment(7, OURS), True, 7),
        (3, deployment(7, OURS), False, 3),
    ],
)
def test_an_autoscaler_keeps_its_replicas(
    generated: int | None, live: dict[str, Any] | None, scaled: bool, sent: int | None
) -> None:
    targets = targets_of([AUTOSCALER] if scaled else [])
    assert with_replicas_left(deployment(generated), live, targets)["spec"].get("replicas") == sent


DONE = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}


@pytest.mark.parametrize(
    ("status", "waits_for"),
    [
        (DONE, ""),
        ({**DONE, "observedGeneration": 1}, "the controller has not seen it yet"),
        ({**DONE, "updatedReplicas": 1}, "1 of 3 replicas are updated"),
        ({**DONE, "replicas": 5}, "2 old replicas are still there"),
        ({**DONE, "readyReplicas": 2}, "2 of 3 replicas are ready"),
        (
            {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "no image"}]},
            "it is stuck: no image",
        ),
    ],
)
def test_a_rollout_says_what_it_waits_for(status: dict[str, Any], waits_for: str) -> None:
    assert progress(deployment(3, **status)) == waits_for


def test_a_row_of_the_status() -> None:
    pod = {"status": {"containerStatuses": [{"restartCount": 2}], "initContainerStatuses": [{"restartCount": 1}]}}
    row = workload(deployment(3, readyReplicas=2), [pod, pod, {}], NOW)
    assert (row.ready, row.desired, row.restarts, row.image, row.age) == (2, 3, 6, "shop:1", 3600)
    assert not row.is_ready
    assert workload(deployment(None, readyReplicas=1), [], NOW).is_ready
