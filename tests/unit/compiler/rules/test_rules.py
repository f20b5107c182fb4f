"""What each rule takes, and what it refuses, beyond what goldens and their mutations show."""

from __future__ import annotations

import pytest

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.rules import Manifests, check
from cloudstate.compiler.source import Source
from cloudstate.compiler.source.yaml_nodes import parse_all


def manifests(text: str, minor: int = 30, digests: bool = False) -> Manifests:
    nodes, problems = parse_all(Source("manifests.yaml", text))
    assert problems == ()
    return Manifests.of_nodes(nodes, minor, digests)


def found(text: str, rule: str, minor: int = 30, digests: bool = False) -> list[str]:
    """What a rule says."""
    return [it.message for it in check(manifests(text, minor, digests)) if it.code.id == rule]


def deployment(container: str = "", pod: str = "", spec: str = "", kind: str = "Deployment") -> str:
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: shop}}\nspec:\n  {{{spec}selector: {{matchLabels: "
        f"{{app: shop}}}}, template: {{metadata: {{labels: {{app: shop}}}}, spec: {{{pod}containers: [{{name: service, "
        f"image: 'shop:1', {container}}}]}}}}}}\n"
    )


def env(value: str) -> str:
    return f"env: [{{name: CLOUDSTATE_JOURNAL, value: '{value}'}}]"


@pytest.mark.parametrize("quantity", ["1", "0.5", ".5", "5.", "100m", "1e3", "1E-2", "256Mi", "3Ei", "2k", "7n"])
def test_quantities(quantity: str) -> None:
    assert found(deployment(f"resources: {{requests: {{cpu: '{quantity}'}}}}"), "K8S130") == []


@pytest.mark.parametrize("quantity", ["", "-1", "1 Mi", "Mi", "1MB", "1Ki5", "one", "1e", "0x10"])
def test_what_is_no_quantity(quantity: str) -> None:
    assert len(found(deployment(f"resources: {{requests: {{cpu: '{quantity}'}}}}"), "K8S130")) == 1


@pytest.mark.parametrize(
    ("request_", "limit", "refused"),
    [("1", "1000m", 0), ("1Gi", "1G", 1), ("1G", "1Gi", 0), ("1e3", "1k", 0), ("500m", "0.4", 1), ("1", "x", 0)],
)
def test_limits_are_compared_as_numbers(request_: str, limit: str, refused: int) -> None:
    container = f"resources: {{requests: {{cpu: '{request_}'}}, limits: {{cpu: '{limit}'}}}}"
    assert len(found(deployment(container), "K8S131")) == refused


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("postgresql://shop:pa@db.example/shop", 1),
        ("nats://:pa@nats.example", 1),
        ("postgresql://shop@db.example/shop", 0),
        ("postgresql://db.example:5432/a@b", 0),
        ("sqlite:/data/shop.db", 0),
    ],
)
def test_addresses_with_passwords(value: str, refused: int) -> None:
    assert len(found(deployment(env(value)), "K8S170")) == refused


@pytest.mark.parametrize(("name", "refused"), [("DB_PASSWORD", 1), ("apiKey", 1), ("TOKEN", 1), ("TOKENS_PER_S", 0)])
def test_variables_that_say_what_they_are(name: str, refused: int) -> None:
    assert len(found(deployment(f"env: [{{name: {name}, value: 'x'}}]"), "K8S170")) == refused


def test_no_finding_shows_a_credential() -> None:
    text = deployment(env("postgresql://shop:hunter2@10.0.0.7/shop"), spec="replicas: 2, ")
    findings = check(manifests(text))
    assert {it.code.id for it in findings} >= {"K8S170", "STO502", "K8S180"}
    assert not any("hunter2" in label.span.source.text for it in findings for label in it.labels)
    assert {label.span.source.text.count("\n") for it in findings for label in it.labels} == {text.count("\n")}


def test_images_by_digest() -> None:
    assert found(deployment(), "K8S171") == []
    assert found(deployment(), "K8S171", digests=True) == ["`shop:1` can become another image"]
    assert found(deployment().replace("shop:1", f"shop@sha256:{'0' * 64}"), "K8S171", digests=True) == []


@pytest.mark.parametrize(("minor", "refused"), [(29, 1), (30, 0), (37, 0)])
def test_fields_and_versions(minor: int, refused: int) -> None:
    assert len(found(deployment("lifecycle: {preStop: {sleep: {seconds: 5}}}"), "K8S190", minor)) == refused


def test_to_sleep_for_no_time_came_later() -> None:
    text = deployment("lifecycle: {preStop: {sleep: {seconds: 0}}}")
    assert (len(found(text, "K8S190", 32)), len(found(text, "K8S190", 33))) == (1, 0)


@pytest.mark.parametrize(
    ("command", "seconds"), [("[sleep, '40']", 1), ("[sh, -c, 'sleep 20; kill 1; sleep 20']", 1), ("[nginx, -s]", 0)]
)
def test_hooks_are_read_as_far_as_possible(command: str, seconds: int) -> None:
    container = f"lifecycle: {{preStop: {{exec: {{command: {command}}}}}}}"
    assert len(found(deployment(container), "K8S150")) == seconds


def test_pods_of_others_need_no_time_to_drain() -> None:
    assert found(deployment("lifecycle: {preStop: {sleep: {seconds: 5}}}"), "K8S151") == []


BUDGET = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: shop}\nspec: {%s, selector: {}}\n"


@pytest.mark.parametrize(
    ("bound", "replicas", "refused"),
    [
        ("maxUnavailable: 1", 1, 0),
        ("maxUnavailable: 0%", 3, 1),
        ("minAvailable: 1", 1, 1),
        ("minAvailable: 1", 2, 0),
        ("minAvailable: 50%", 2, 0),
        ("minAvailable: 90%", 3, 1),
        ("minAvailable: 1", 0, 0),
    ],
)
def test_budgets(bound: str, replicas: int, refused: int) -> None:
    text = deployment(spec=f"replicas: {replicas}, ") + BUDGET % bound
    assert len(found(text, "K8S160")) == refused


def test_a_budget_counts_what_the_autoscaler_leaves() -> None:
    scaler = (
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: shop}\n"
        "spec: {scaleTargetRef: {kind: Deployment, name: shop}, minReplicas: 2, maxReplicas: 5}\n"
    )
    assert len(found(deployment() + BUDGET % "minAvailable: 2" + scaler, "K8S160")) == 1
    assert found(deployment() + BUDGET % "minAvailable: 1" + scaler, "K8S160") == []


ROUTE = (
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n"
    "spec: {hosts: [shop], http: [{route: [{destination: {host: shop.example}}]%s}]}\n"
)


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ("", 1),
        (", retries: {attempts: 0}", 0),
        (", retries: {attempts: 3}", 1),
        (", retries: {attempts: 3, retryOn: 'connect-failure, refused-stream'}", 0),
        (", retries: {attempts: 3, retryOn: 'connect-failure,cancelled'}", 1),
        (", match: [{headers: {ce-id: {regex: .+}}}]", 0),
        (", match: [{headers: {idempotency-key: {regex: .+}}}, {uri: {prefix: /shop}}]", 1),
        (", match: [{uri: {exact: /shop.Cart/Get}}]", 0),
    ],
)
def test_retries(more: str, refused: int) -> None:
    assert len(found(ROUTE % more, "IST304")) == refused


def test_policies_of_the_whole_namespace_count() -> None:
    service = (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: shop}\n"
        "spec: {selector: {app: shop}, ports: [{port: 9000}]}\n"
    )
    policy = (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: all}\nspec: {rules: %s}\n"
    )
    shop = deployment(pod="serviceAccountName: shop, ") + service
    assert found(shop, "IST305") == []
    assert len(found(shop + policy % "[]", "IST305")) == 1
    for rule in (
        "{}",
        "{from: [{source: {principals: ['*']}}]}",
        "{from: [{source: {principals: [cluster.local/ns/a/sa/shop]}}]}",
    ):
        assert found(shop + policy % f"[{rule}]", "IST305") == []
    for rule in ("{from: [{source: {serviceAccounts: [a]}}]}", "{from: [{source: {requestPrincipals: ['*']}}]}"):
        assert len(found(shop + policy % f"[{rule}]", "IST305")) == 1


def test_only_what_is_applied_can_be_compared() -> None:
    before = manifests(deployment(kind="StatefulSet", spec="serviceName: a, replicas: 1, "))
    same = manifests(deployment(kind="StatefulSet", spec="replicas: 3, serviceName: a, "))
    other = manifests(deployment(kind="StatefulSet", spec="serviceName: b, "))
    renamed = manifests(deployment(kind="StatefulSet", spec="serviceName: b, ").replace("name: shop", "name: shops", 1))
    told = [[it.code for it in check(new, before)].count(codes.IMMUTABLE_FIELD) for new in (same, other, renamed)]
    assert told == [0, 1, 0]


def test_kustomizations_and_scalars_are_no_objects() -> None:
    text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n---\n12\n---\n[]\n"
    assert manifests(text).objects == ()


def test_anything_may_stand_anywhere() -> None:
    """Nothing fails on manifests of the wrong shape: schemas refuse them, not these rules."""
    for value in ("null", "12", "text", "[]", "[[]]", "[{}]", "{}", "{a: [b]}"):
        text = deployment(
            f"ports: {value}, resources: {value}, env: {value}", f"volumes: {value}, ", f"replicas: {value}, "
        )
        for kind in ("v1\nkind: Service", "networking.istio.io/v1\nkind: VirtualService", "v1\nkind: ConfigMap"):
            text += f"---\napiVersion: {kind}\nmetadata: {value}\nspec: {value}\ndata: {value}\n"
        assert check(manifests(text)) != ()
