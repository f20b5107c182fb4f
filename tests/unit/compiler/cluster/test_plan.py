"""What is applied and deleted, in which order; the inventory that this is decided by."""

from __future__ import annotations

import random

import pytest

from cloudstate.compiler.cluster.inventory import InventoryUnreadable, from_config_map, inventory_ref, to_config_map
from cloudstate.compiler.cluster.objects import DIGEST, OWNER, Object, Ref, annotated, digest_of, ref_of
from cloudstate.compiler.cluster.plan import duplicates, is_ours, plan, what_to_install


def an(kind: str, name: str = "x", api_version: str = "v1", **metadata: object) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}}


ORDERED = [
    an("Namespace"),
    an("ServiceAccount"),
    an("ConfigMap"),
    an("Service"),
    an("StatefulSet", api_version="apps/v1"),
    an("DestinationRule", api_version="networking.istio.io/v1"),
    an("HorizontalPodAutoscaler", api_version="autoscaling/v2"),
    an("NetworkPolicy", api_version="networking.k8s.io/v1"),
]


@pytest.mark.parametrize("seed", range(5))
def test_what_others_need_is_applied_first(seed: int) -> None:
    shuffled = random.Random(seed).sample(ORDERED, len(ORDERED))
    assert list(plan(shuffled, (), "shop").apply) == ORDERED


def test_what_left_the_project_is_pruned_in_the_opposite_order() -> None:
    refs = [ref_of(it, "shop") for it in ORDERED[1:]]
    planned = plan([ORDERED[2]], refs, "shop")
    assert [it.kind for it in planned.prune] == [
        it["kind"] for it in reversed(ORDERED[1:]) if it["kind"] != "ConfigMap"
    ]


def test_nothing_is_pruned_that_the_inventory_does_not_list() -> None:
    assert plan([], (), "shop").prune == ()


def test_another_version_of_an_api_is_the_same_object() -> None:
    old = Ref("autoscaling", "v1", "HorizontalPodAutoscaler", "shop", "x")
    assert plan(ORDERED, [old], "shop").prune == ()


def test_the_same_name_in_another_namespace_is_another_object() -> None:
    assert plan([an("Service")], [Ref("", "v1", "Service", "other", "x")], "shop").prune != ()


@pytest.mark.parametrize("kind", ["Namespace", "PersistentVolumeClaim", "Secret"])
def test_what_holds_data_is_never_pruned(kind: str) -> None:
    planned = plan([], [Ref("", "v1", kind, "shop", "x")], "shop")
    assert planned.prune == ()
    assert [it.kind for it in planned.kept] == [kind]


def test_an_object_that_does_not_say_our_inventory_is_not_ours() -> None:
    assert is_ours(an("Service", annotations={OWNER: "ours"}), "ours")
    assert not is_ours(an("Service", annotations={OWNER: "theirs"}), "ours")
    assert not is_ours(an("Service"), "ours")


def test_two_objects_of_one_name_are_found() -> None:
    assert [str(it) for it in duplicates([an("Service"), an("Service"), an("ConfigMap")], "")] == ["Service/x"]


def test_a_kind_that_is_missing_says_what_brings_it() -> None:
    assert "Istio" in what_to_install(Ref("networking.istio.io", "v1", "DestinationRule", "", "x"))
    assert "example.com/v3" in what_to_install(Ref("example.com", "v3", "Thing", "", "x"))


def test_an_inventory_is_read_as_it_was_written() -> None:
    refs = tuple(sorted(ref_of(it, "shop") for it in ORDERED))
    at = inventory_ref("mine", "shop")
    assert from_config_map(to_config_map(at, reversed(refs))) == refs
    assert to_config_map(at, refs) == to_config_map(at, (*refs, *refs))
    assert from_config_map(None) == ()
    assert from_config_map(to_config_map(at, ())) == ()


@pytest.mark.parametrize("text", ["nonsense", '["v1"]', "7"])
def test_an_inventory_that_is_none_is_not_taken_for_an_empty_one(text: str) -> None:
    with pytest.raises(InventoryUnreadable, match="mine"):
        from_config_map({"metadata": {"name": "mine"}, "data": {"objects": text}})


def test_a_manifest_says_its_digest_whatever_its_order() -> None:
    one, other = {"a": 1, **an("Service")}, {**an("Service"), "a": 1}
    assert digest_of(one) == digest_of(other) != digest_of(an("Service"))
    applied = annotated(an("Service", annotations={"kept": "yes"}), "mine")
    assert applied["metadata"]["annotations"] == {
        "kept": "yes",
        DIGEST: digest_of(an("Service", annotations={"kept": "yes"})),
        OWNER: "mine",
    }
