"""What must hold in every set of manifests, and what each part of a spec changes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloudstate.compiler.backends.kubernetes import manifests
from cloudstate.compiler.backends.kubernetes.dump import dump
from cloudstate.compiler.backends.kubernetes.pod import LEAVE_ROTATION
from cloudstate.compiler.model import (
    Autoscale,
    Deployment,
    Entity,
    Model,
    Placement,
    Resources,
    Service,
    Store,
    StoreKind,
)
from cloudstate.compiler.rules import Manifests, check
from cloudstate.compiler.source import Source
from cloudstate.compiler.source.yaml_nodes import parse
from cloudstate.runtime.app import ProxySettings, Settings

CART = Entity(service="shop.Cart", model=Model.VALUE, type="cart", implementation="cart.Cart", commands=())
MAIL = Entity(service="shop.Mail", model=Model.ACTION, type="shop.Mail", implementation="mail.Mail", commands=())
IMAGE = Deployment(image="registry.example/shop@sha256:00")
SHOP = Service(name="shop", entities=(CART,), files=(), descriptors=b"", deployment=IMAGE)

#: Services in which stores, models, meshes and scaling are combined in every way.
SERVICES = [
    replace(SHOP, entities=entities, store=store, deployment=replace(deployment, mesh=mesh))
    for entities, store, deployment, mesh in itertools.product(
        [(CART,), (MAIL,), (CART, MAIL)],
        [Store(StoreKind.MEMORY), Store(StoreKind.SQLITE), Store(StoreKind.POSTGRESQL, "shop-db")],
        [IMAGE, replace(IMAGE, replicas=3), replace(IMAGE, autoscale=Autoscale(2, 5)), Deployment()],
        ["none", "istio", "istio-ambient"],
    )
]


def pod_of(objects: dict[str, Any]) -> dict[str, Any]:
    spec = objects["workload"]["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


def container_of(objects: dict[str, Any]) -> dict[str, Any]:
    [container] = pod_of(objects)["containers"]
    assert isinstance(container, dict)
    return container


SETS = [manifests(service) for service in SERVICES]
RUNNABLE = [objects for objects in SETS if "workload" in objects]


def test_our_own_rules_find_nothing() -> None:
    for service, objects in zip(SERVICES, SETS, strict=True):
        nodes = [parse(Source(f"{name}.yaml", dump(it, "#").decode()))[0] for name, it in objects.items()]
        found = {it.code.id for it in check(Manifests.of_nodes(filter(None, nodes), service.deployment.minor))}
        many = service.deployment.replicas > 1 or service.deployment.autoscale
        # The checks of specs refuse to share a file; here it is the rules that must say so.
        assert found == ({"STO501"} if "volumeClaimTemplates" in str(objects.get("workload")) and many else set())


def test_some_sets_are_runnable() -> None:
    assert 0 < len(RUNNABLE) < len(SETS)


def test_selectors_find_the_pods() -> None:
    for objects in RUNNABLE:
        workload = objects["workload"]["spec"]
        labels = workload["template"]["metadata"]["labels"]
        selectors = [workload["selector"]["matchLabels"], objects["service"]["spec"]["selector"]]
        selectors += [objects["peers"]["spec"]["selector"]] if "peers" in objects else []
        assert all(selector.items() <= labels.items() for selector in selectors)


def test_references_have_a_target() -> None:
    for objects in RUNNABLE:
        names = {(it["kind"], it["metadata"]["name"]) for it in objects.values()}
        pod, container = pod_of(objects), container_of(objects)
        assert ("ServiceAccount", pod["serviceAccountName"]) in names
        assert ("ConfigMap", container["envFrom"][0]["configMapRef"]["name"]) in names
        if objects["workload"]["kind"] == "StatefulSet":
            assert ("Service", objects["workload"]["spec"]["serviceName"]) in names
        if "autoscaler" in objects:
            target = objects["autoscaler"]["spec"]["scaleTargetRef"]
            assert (target["kind"], target["name"]) in names


def test_mounts_have_a_volume_and_ports_a_name() -> None:
    for objects in RUNNABLE:
        claims = objects["workload"]["spec"].get("volumeClaimTemplates", ())
        volumes = {it["name"] for it in pod_of(objects)["volumes"]} | {it["metadata"]["name"] for it in claims}
        assert {it["name"] for it in container_of(objects)["volumeMounts"]} == volumes
        ports = {it["name"] for it in container_of(objects)["ports"]}
        assert {it["targetPort"] for it in objects["service"]["spec"]["ports"]} <= ports


def test_the_pod_is_restricted() -> None:
    for objects in RUNNABLE:
        assert pod_of(objects)["securityContext"]["runAsNonRoot"] is True
        assert pod_of(objects)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod_of(objects)["automountServiceAccountToken"] is False
        security = container_of(objects)["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_whoever_scales_does_it_alone() -> None:
    for objects in RUNNABLE:
        assert ("replicas" in objects["workload"]["spec"]) != ("autoscaler" in objects)


def test_secrets_are_only_named() -> None:
    assert all(manifest["kind"] != "Secret" for objects in SETS for manifest in objects.values())


def test_a_budget_leaves_room() -> None:
    for service, objects in zip(SERVICES, SETS, strict=True):
        bounds = service.deployment.autoscale
        several = (bounds.min if bounds else service.deployment.replicas) > 1
        assert ("disruption-budget" in objects) == (several and "workload" in objects)


@pytest.mark.parametrize("placement", list(Placement))
def test_a_pod_has_time_to_hand_over_and_to_drain(placement: Placement) -> None:
    pod = pod_of(manifests(replace(SHOP, placement=placement)))
    hooks = [it["lifecycle"]["preStop"] for it in (*pod["containers"], *pod.get("initContainers", ()))]
    waits = max(hook["sleep"]["seconds"] for hook in hooks if "sleep" in hook)
    taken = max(runtime.grace for runtime in (Settings(Path(), Path()), ProxySettings("")))
    room = waits - LEAVE_ROTATION if placement is Placement.SIDECAR else pod["terminationGracePeriodSeconds"] - waits
    assert room > 2 * taken
    assert pod["terminationGracePeriodSeconds"] >= waits + 10


def test_state_wants_an_identity() -> None:
    assert manifests(SHOP)["workload"]["kind"] == "StatefulSet"
    assert manifests(SHOP)["workload"]["spec"]["podManagementPolicy"] == "Parallel"


def test_peers_meet_before_they_are_ready() -> None:
    spec = manifests(SHOP)["peers"]["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)


def test_actions_alone_need_neither_identity_nor_disk() -> None:
    objects = manifests(replace(SHOP, entities=(MAIL,)))
    assert objects["workload"]["kind"] == "Deployment"
    assert "volumeClaimTemplates" not in objects["workload"]["spec"]
    assert "peers" not in objects
    assert "CLOUDSTATE_JOURNAL" not in objects["config"]["data"]


def test_sqlite_is_kept_on_a_volume_of_the_pod() -> None:
    objects = manifests(SHOP)
    [claim] = objects["workload"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    [mount] = [it for it in container_of(objects)["volumeMounts"] if it["name"] == claim["metadata"]["name"]]
    assert objects["config"]["data"]["CLOUDSTATE_JOURNAL"] == f"sqlite:{mount['mountPath']}/shop.db"
    assert "fsGroup" in pod_of(objects)["securityContext"]


def test_addresses_with_credentials_come_from_secrets() -> None:
    deployment = replace(IMAGE, broker="shop-nats", cluster="shop-cluster")
    service = replace(SHOP, store=Store(StoreKind.POSTGRESQL, "shop-db"), deployment=deployment)
    wired = {it["name"]: it["valueFrom"]["secretKeyRef"] for it in container_of(manifests(service))["env"]}
    assert wired == {
        "CLOUDSTATE_JOURNAL": {"name": "shop-db", "key": "url"},
        "CLOUDSTATE_BROKER": {"name": "shop-nats", "key": "url"},
        "CLOUDSTATE_CLUSTER": {"name": "shop-cluster", "key": "url"},
    }


def test_without_an_image_there_is_nothing_to_run() -> None:
    deployment = Deployment(replicas=3, autoscale=Autoscale(2, 5))
    assert set(manifests(replace(SHOP, deployment=deployment))) == {"config", "peers", "service", "service-account"}


def test_changed_settings_replace_the_pods() -> None:
    def hash_of(service: Service) -> object:
        template = manifests(service)["workload"]["spec"]["template"]
        return template["metadata"]["annotations"]["cloudstate.io/config-hash"]

    assert hash_of(SHOP) == hash_of(replace(SHOP, deployment=replace(IMAGE, replicas=5)))
    assert hash_of(SHOP) != hash_of(replace(SHOP, store=Store(StoreKind.MEMORY)))


@pytest.mark.parametrize(
    ("mesh", "protocol"), [("none", "kubernetes.io/h2c"), ("gateway-api", "kubernetes.io/h2c"), ("istio", "grpc")]
)
def test_ports_say_their_protocol_to_whoever_asks(mesh: str, protocol: str) -> None:
    objects = manifests(replace(SHOP, deployment=replace(IMAGE, mesh=mesh)))
    [port] = objects["service"]["spec"]["ports"]
    assert (port["name"], port["appProtocol"]) == ("grpc", protocol)


def test_callers_shut_everybody_else_out() -> None:
    assert "network-policy" not in manifests(SHOP)
    objects = manifests(replace(SHOP, deployment=replace(IMAGE, callers=("checkout",))))
    [rule] = objects["network-policy"]["spec"]["ingress"]
    names = [it["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for it in rule["from"]]
    assert names == ["checkout", "shop"]
    assert [port["port"] for port in rule["ports"]] == [9000]


def test_an_ambient_mesh_gets_through_the_policy() -> None:
    deployment = replace(IMAGE, callers=("checkout",), mesh="istio-ambient")
    [rule] = manifests(replace(SHOP, deployment=deployment))["network-policy"]["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == [9000, 15008]


def test_memory_is_limited_and_cpu_is_not() -> None:
    deployment = replace(IMAGE, resources=Resources(cpu="2", memory="1Gi"))
    resources = container_of(manifests(replace(SHOP, deployment=deployment)))["resources"]
    assert resources == {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


def test_termination_leaves_time_to_drain() -> None:
    objects = manifests(SHOP)
    sleep = container_of(objects)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep + 30 < pod_of(objects)["terminationGracePeriodSeconds"]


def test_a_function_outlives_the_drain_of_its_proxy() -> None:
    objects = manifests(replace(SHOP, placement=Placement.SIDECAR))
    [proxy] = pod_of(objects)["initContainers"]
    assert proxy["restartPolicy"] == "Always"
    asked = proxy["startupProbe"]["httpGet"]
    assert asked == {"path": "/alive", "port": 9090}, "the function starts after it: only what needs no function"
    assert objects["config"]["data"]["METRICS_PORT"] == "9090"
    sleep = container_of(objects)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 5 + 30 <= sleep < pod_of(objects)["terminationGracePeriodSeconds"]
