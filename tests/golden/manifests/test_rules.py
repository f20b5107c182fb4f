"""Our rules hold for every golden, and each finds what it is for: goldens with one part changed are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from tests.golden.manifests.cases import CASES, files_of, pairs, read

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.rules import Manifests, check
from cloudstate.compiler.source import Node, Source
from cloudstate.compiler.source.yaml_nodes import parse_all

Objects = dict[str, Any]
Mutation = Callable[[Objects], object]


def texts_of(case: str, target: str) -> dict[str, str]:
    """The manifests of a case by the name of their file."""
    return {
        path.removeprefix("manifests/").removesuffix(".yaml"): content.decode()
        for path, content in files_of(case, target).items()
        if path.endswith(".yaml")
    }


def found_in(texts: dict[str, str], minor: int) -> set[str]:
    """The ids of what the rules find."""
    nodes: list[Node] = []
    for name, text in texts.items():
        documents, problems = parse_all(Source(name, text))
        assert problems == ()
        nodes += documents
    return {it.code.id for it in check(Manifests.of_nodes(nodes, minor))}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_found_in_a_golden(case: str) -> None:
    minor = read(case).deployment.minor
    for name, target in pairs():
        if name == case:
            assert (target, found_in(texts_of(case, target), minor)) == (target, set())


# -- mutations


def at(objects: Any, path: str) -> Any:
    for part in filter(None, path.split("/")):
        objects = objects[int(part) if part.isdecimal() and isinstance(objects, list) else part]
    return objects


def put(path: str, value: object) -> Mutation:
    """Write something else at a path; keys that are not there are added."""
    parent, _, key = path.rpartition("/")
    return lambda objects: at(objects, parent).__setitem__(int(key) if key.isdecimal() else key, value)


def drop(path: str) -> Mutation:
    """Leave something out."""
    parent, _, key = path.rpartition("/")
    return lambda objects: at(objects, parent).pop(int(key) if key.isdecimal() else key)


def add(path: str, value: object) -> Mutation:
    """Add something to a list."""
    return lambda objects: at(objects, path).append(value)


POD = "workload/spec/template/spec"
RUNTIME = f"{POD}/containers/0"
PROXY = f"{POD}/initContainers/0"
HASH = "destination-rule/spec/trafficPolicy/loadBalancer/consistentHash"
CLAIM = "workload/spec/volumeClaimTemplates/0/spec/resources"
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-db"}, "stringData": {"url": "x"}}
OTHERS = "virtual-service/spec/http/2"

MUTATIONS: list[tuple[str, str, str, Mutation]] = [
    ("K8S101", "value", "none", put("service/metadata/name", "1shop")),
    ("K8S101", "value", "none", put("config/metadata/name", "Shop_Config")),
    ("K8S101", "value", "none", put("workload/metadata/labels/release", 7)),
    ("K8S101", "value", "none", put("workload/spec/template/metadata/labels/release", "x" * 64)),
    ("K8S101", "value", "none", put(f"{RUNTIME}/name", "the service")),
    ("K8S102", "value", "none", put("workload/metadata/name", "s" * 53)),
    ("K8S103", "value", "none", put("peers/metadata/name", "shop")),
    ("K8S110", "value", "none", put("workload/spec/selector/matchLabels", {"app": "other"})),
    ("K8S110", "value", "none", put("service/spec/selector", {"app": "other"})),
    ("K8S110", "value", "none", put("peers/spec/selector", {"app": "other"})),
    ("K8S110", "replicas-3", "none", put("disruption-budget/spec/selector/matchLabels", {"app": "other"})),
    ("K8S110", "callers-one", "none", put("network-policy/spec/podSelector/matchLabels", {"app": "other"})),
    ("K8S110", "value", "istio", put("peer-authentication/spec/selector/matchLabels", {"app": "other"})),
    ("K8S110", "jwt", "istio", put("authorization-policy/spec/selector/matchLabels", {"app": "other"})),
    ("K8S110", "metrics", "none", put("service-monitor/spec/selector/matchLabels", {"app": "other"})),
    ("K8S110", "metrics", "none", put("service-monitor/spec/endpoints/0/port", "metrics")),
    ("K8S110", "value", "none", put(f"{POD}/topologySpreadConstraints/0/labelSelector/matchLabels", {"app": "other"})),
    ("K8S112", "value", "none", put(f"{RUNTIME}/ports/0/name", "commands")),
    ("K8S112", "value", "none", put("service/spec/ports/0/targetPort", "http")),
    ("K8S112", "value", "none", drop("config")),
    ("K8S112", "value", "none", drop("service-account")),
    ("K8S112", "value", "none", drop("peers")),
    ("K8S112", "store-sqlite", "none", drop("workload/spec/volumeClaimTemplates")),
    ("K8S112", "value", "none", put(f"{POD}/volumes", [])),
    ("K8S112", "autoscale", "none", put("autoscaler/spec/scaleTargetRef/name", "shops")),
    ("K8S112", "autoscale", "none", put("autoscaler/spec/scaleTargetRef/kind", "StatefulSet")),
    ("K8S112", "value", "istio-ambient", drop("waypoint")),
    ("K8S112", "gateway", "none", put("route/spec/rules/0/backendRefs/0/port", 9001)),
    ("K8S112", "value", "istio", put("virtual-service/spec/http/0/route/0/destination/host", "shops")),
    ("K8S112", "value", "istio", put("destination-rule/spec/host", "shops")),
    ("K8S120", "value", "none", put(f"{RUNTIME}/ports/0/containerPort", 70000)),
    ("K8S120", "value", "none", put("service/spec/ports/0/port", 0)),
    ("K8S120", "metrics", "none", put(f"{RUNTIME}/ports/1/name", "prometheus-metrics")),
    ("K8S120", "metrics", "none", put("service/spec/ports/1/name", "grpc")),
    ("K8S120", "metrics", "none", drop("service/spec/ports/1/name")),
    ("K8S121", "value", "none", drop("service/spec/ports/0/appProtocol")),
    ("K8S121", "value", "istio", put("peers/spec/ports/0/appProtocol", "tcp")),
    ("K8S130", "value", "none", put(f"{RUNTIME}/resources/requests/memory", "256MB")),
    ("K8S130", "store-sqlite", "none", put(f"{CLAIM}/requests/storage", "1 G")),
    ("K8S131", "value", "none", put(f"{RUNTIME}/resources/limits/memory", "1Mi")),
    ("K8S140", "value", "none", put(f"{RUNTIME}/readinessProbe/tcpSocket", {"port": 9000})),
    ("K8S140", "value", "none", drop(f"{RUNTIME}/livenessProbe/grpc")),
    ("K8S140", "value", "none", put(f"{RUNTIME}/lifecycle/preStop/httpGet", {"port": 9000})),
    ("K8S141", "value", "none", lambda it: at(it, RUNTIME).update(livenessProbe=at(it, RUNTIME)["readinessProbe"])),
    ("K8S142", "value", "none", drop(f"{RUNTIME}/readinessProbe")),
    ("K8S142", "value", "none", drop(f"{RUNTIME}/livenessProbe")),
    ("K8S142", "action", "none", drop(f"{RUNTIME}/startupProbe")),
    ("K8S142", "sidecar", "none", drop(f"{PROXY}/startupProbe")),
    ("K8S142", "action", "knative", drop(f"{RUNTIME}/readinessProbe")),
    ("K8S150", "value", "none", put(f"{RUNTIME}/lifecycle/preStop/sleep/seconds", 60)),
    ("K8S150", "sidecar", "none", put(f"{POD}/terminationGracePeriodSeconds", 35)),
    ("K8S150", "kubernetes-1-29", "none", put(f"{RUNTIME}/lifecycle/preStop/exec/command/1", "45")),
    ("K8S151", "value", "none", put(f"{POD}/terminationGracePeriodSeconds", 30)),
    ("K8S151", "value", "none", drop(f"{POD}/terminationGracePeriodSeconds")),
    ("K8S151", "sidecar", "none", put(f"{POD}/terminationGracePeriodSeconds", 40)),
    ("K8S160", "replicas-3", "none", put("disruption-budget/spec/maxUnavailable", 0)),
    ("K8S160", "replicas-3", "none", put("disruption-budget/spec", {"minAvailable": "100%", "selector": {}})),
    ("K8S160", "replicas-3", "none", put("disruption-budget/spec", {"minAvailable": 3, "selector": {}})),
    ("K8S161", "autoscale", "none", put("workload/spec/replicas", 3)),
    ("K8S170", "value", "none", put("config/data/CLOUDSTATE_JOURNAL", "postgresql://shop:hunter2@db.example/shop")),
    ("K8S170", "value", "none", put(f"{RUNTIME}/env", [{"name": "DB_PASSWORD", "value": "hunter2"}])),
    ("K8S170", "value", "none", put("secret", SECRET)),
    ("K8S180", "value", "none", drop(f"{POD}/securityContext/runAsNonRoot")),
    ("K8S180", "value", "none", drop(f"{POD}/securityContext/seccompProfile")),
    ("K8S180", "value", "none", drop(f"{RUNTIME}/securityContext/allowPrivilegeEscalation")),
    ("K8S180", "value", "none", drop(f"{RUNTIME}/securityContext/capabilities")),
    ("K8S180", "value", "none", put(f"{RUNTIME}/securityContext/capabilities/add", ["SYS_ADMIN"])),
    ("K8S180", "value", "none", put(f"{RUNTIME}/securityContext/privileged", True)),
    ("K8S180", "value", "none", put(f"{RUNTIME}/securityContext/runAsUser", 0)),
    ("K8S180", "value", "none", put(f"{POD}/hostNetwork", True)),
    ("K8S180", "value", "none", put(f"{POD}/volumes/0", {"name": "tmp", "hostPath": {"path": "/tmp"}})),
    ("K8S180", "sidecar", "none", drop(f"{PROXY}/securityContext")),
    ("K8S180", "action", "knative", drop(f"{RUNTIME}/securityContext/runAsNonRoot")),
    ("K8S190", "kubernetes-1-29", "none", put(f"{RUNTIME}/lifecycle/preStop", {"sleep": {"seconds": 5}})),
    ("K8S190", "value", "none", put("workload/spec/updateStrategy", {"rollingUpdate": {"maxUnavailable": 1}})),
    ("K8S190", "value", "none", put(f"{POD}/hostUsers", False)),
    ("IST301", "value", "istio", put(f"{HASH}/useSourceIp", True)),
    ("IST301", "value", "istio", drop(f"{HASH}/httpHeaderName")),
    ("IST301", "value", "istio", put(f"{HASH}/ringHash", {"minimumRingSize": 0})),
    ("IST302", "value", "istio-ambient", drop("virtual-service")),
    ("IST303", "value", "istio", put("destination-rule/spec/host", "shop-peers")),
    ("IST304", "every-model", "istio", put(f"{OTHERS}/retries/attempts", 2)),
    ("IST304", "every-model", "istio", drop(f"{OTHERS}/retries")),
    ("IST304", "every-model", "istio", put(f"{OTHERS}/retries", {"attempts": 1, "retryOn": "5xx,connect-failure"})),
    ("IST304", "every-model", "istio", drop("virtual-service/spec/http/1/match/0/headers")),
    ("IST304", "every-model", "istio", drop("virtual-service/spec/http/1/match")),
    ("IST305", "callers-several", "istio", drop("authorization-policy/spec/rules/1")),
    ("IST305", "callers-one", "istio-ambient", drop("waypoint-policy/spec/rules/0/from/0/source/serviceAccounts/1")),
    ("IST305", "callers-metrics", "istio", drop("authorization-policy/spec/rules/2")),
    ("IST305", "callers-one", "istio", put("authorization-policy/spec/rules/1/to/0/operation/ports", ["9001"])),
    ("IST306", "value", "istio", put(f"{HASH}/maglev", {"tableSize": 1000})),
    ("IST307", "value", "istio", put("peer-authentication/spec/mtls/mode", "PERMISSIVE")),
    ("IST307", "value", "istio", put("peer-authentication/spec/portLevelMtls", {"9000": {"mode": "DISABLE"}})),
    ("IST307", "value", "istio", put("destination-rule/spec/trafficPolicy/tls", {"mode": "DISABLE"})),
    ("KNA401", "action", "knative", put("config/data/CLOUDSTATE_JOURNAL", "sqlite:/tmp/shop.db")),
    ("KNA401", "action", "knative", put(f"{POD}/volumes/0", {"name": "tmp", "persistentVolumeClaim": {}})),
    ("KNA402", "action", "knative", add(f"{RUNTIME}/ports", {"containerPort": 9090})),
    ("KNA402", "action", "knative", put(f"{RUNTIME}/ports/0/name", "grpc")),
    ("KNA403", "action", "knative", put(f"{POD}/timeoutSeconds", 900)),
    ("KNA403", "action", "knative", drop(f"{POD}/timeoutSeconds")),
    ("KNA404", "action", "knative", put(f"{RUNTIME}/lifecycle", {"preStop": {"sleep": {"seconds": 5}}})),
    ("KNA404", "action", "knative", put(f"{POD}/initContainers", [])),
    ("KNA404", "action", "knative", put(f"{RUNTIME}/env", [{"name": "IP", "valueFrom": {"fieldRef": {}}}])),
    ("STO501", "store-sqlite", "none", put("workload/spec/replicas", 2)),
    ("STO502", "callers-broker-postgresql", "none", drop("network-policy/spec/egress/0")),
    ("STO502", "callers-broker-postgresql", "none", drop("network-policy/spec/egress/2")),
    ("STO502", "callers-jetstream", "none", drop("network-policy/spec/egress/2")),
    ("STO502", "callers-cluster", "none", drop("network-policy/spec/egress/2")),
    ("STO502", "callers-one", "none", put("network-policy/spec/egress", [])),
    ("STO502", "value", "none", put("config/data/CLOUDSTATE_BROKER", "nats://10.0.0.7:4222")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "case", "target", "mutation"),
    MUTATIONS,
    ids=[f"{rule}-{index}" for index, (rule, *_) in enumerate(MUTATIONS)],
)
def test_a_mutation_is_found_by_its_rule(rule: str, case: str, target: str, mutation: Mutation) -> None:
    objects = {name: yaml.safe_load(text) for name, text in texts_of(case, target).items()}
    mutation(objects)
    texts = {name: yaml.safe_dump(it) for name, it in objects.items()}
    assert rule in found_in(texts, read(case).deployment.minor)


def test_every_rule_has_a_mutation() -> None:
    ours = {it for it in codes.CATALOGUE if not it.startswith("CS")}
    # The one compares with what is applied, the other is asked for: see the tests of the rules.
    assert ours - {rule for rule, *_ in MUTATIONS} == {"K8S111", "K8S171"}
