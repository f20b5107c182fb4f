"""What the operators were told becomes specs, and what cannot be said in a spec is said to the user."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.unit.compiler.migration.documents import FIRST, SECOND, SETTINGS, USE, service, store

from cloudstate.compiler.diagnostics.render import render
from cloudstate.compiler.frontend.document import SpecDocument
from cloudstate.compiler.migration import Migrated, migrate
from cloudstate.compiler.source import Source


def migrated(*texts: str) -> Migrated:
    return migrate([Source(f"{number}.yaml", text) for number, text in enumerate(texts)])


def spec_of(result: Migrated, name: str = "shop") -> dict[str, Any]:
    """The body of a spec, which has the shape of one."""
    assert not result.has_errors, render(result.findings, "text")
    document = yaml.safe_load(result.specs[name])
    SpecDocument.model_validate(document | {"spec": document["spec"] | {"protos": ["shop.proto"]}})
    body: dict[str, Any] = document["spec"]
    return body


def found(result: Migrated) -> dict[str, str]:
    """The findings by name, as text."""
    return {it.code.name: render([it], "text") for it in result.findings}


def test_a_service_of_the_second_generation() -> None:
    result = migrated(SECOND, SETTINGS)
    assert spec_of(result) == {
        "protos": [],
        "entities": [],
        "placement": "sidecar",
        "store": {"kind": "postgresql", "secret": "shop-journal"},
        "deploy": {
            "image": "registry.example/shop:1.4.0",
            "autoscale": {"min": 2, "max": 6, "cpu": 80},
            "cluster": {"secret": "shop-cluster"},
            "resources": {"cpu": "0.5", "memory": "512Mi"},
        },
    }
    assert set(found(result)) == {"secret-form", "data-not-moved", "spec-incomplete"}
    assert "make the Secret `shop-cluster`" in found(result)["spec-incomplete"]
    secret = found(result)["secret-form"]
    assert "url=postgresql://USER:PASSWORD@db.example:5433/shop?sslmode=verify-full'" in secret
    assert "`db-user` has the user under `user` and the password under `password`" in secret
    assert "--> 0.yaml:16:" in secret


def test_a_service_of_the_first_generation() -> None:
    result = migrated(FIRST)
    body = spec_of(result, "cart")
    assert body["store"] == {"kind": "postgresql", "secret": "cart-journal"}
    assert body["deploy"] == {"image": "registry.example/cart"}
    assert "@pg.example:5432/carts?schema=two'" in found(result)["secret-form"]
    assert set(found(result)) == {"secret-form", "data-not-moved", "spec-incomplete", "password-in-document"}


@pytest.mark.parametrize(
    "written", ["hunter2", "'hunter2'", '"hunter2"', '"hun\\"ter2"', "|\n        hunter2", "&x hunter2", "{a: hunter2}"]
)
@pytest.mark.parametrize("format_", ["text", "json", "github", "sarif"])
def test_no_password_is_ever_shown(written: str, format_: str) -> None:
    settings = f"\n  type: Postgres\n  config:\n    credentials:\n      password: {written}\n      nonsense: 1\n"
    result = migrated(service("datastore: {name: db}"), store(settings))
    assert "hunter2" not in render(result.findings, format_) + "".join(result.specs.values())
    assert "ter2" not in render(result.findings, format_)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("{inMemory: true, postgres: {host: h}}", "memory"),
        ("{inMemory: false, postgres: {host: h}}", "postgresql"),
        ("{postgres: {host: h}, cassandra: {host: h}}", "postgresql"),
        ("{spanner: {project: p}}", "postgresql"),
        ("{type: InMemory}", "memory"),
        ("{type: Cassandra, config: {service: c}}", "postgresql"),
    ],
)
def test_a_store(given: str, kind: str) -> None:
    result = migrated(service(USE), store(given))
    assert spec_of(result)["store"]["kind"] == kind
    is_foreign = "cassandra" in given.lower() or "spanner" in given
    assert ("store-not-supported" in found(result)) == is_foreign


def test_the_first_store_that_is_said_counts_as_it_does_for_the_operator() -> None:
    result = migrated(service(USE), store("{postgres: {host: h}, cassandra: {host: h}}"))
    assert "no journal in Cassandra" in found(result)["store-not-supported"]


def test_cloud_sql_has_its_address_in_a_secret() -> None:
    result = migrated(service(USE), store("{postgres: {googleCloudSql: {name: x}}}"))
    assert "postgres-cnx-" in found(result)["secret-form"]


@pytest.mark.parametrize(
    ("spec", "scaling"),
    [
        (f"replicas: 3\n  {USE}", {"replicas": 1}),
        (USE, {"replicas": 1}),
        (f"replicas: 1\n  {USE}", {"replicas": 1}),
        ("replicas: 3\n  datastore: {name: db}", {"replicas": 1}),
        ("replicas: 1\n  datastore: {name: db}", {"replicas": 1}),
        ("datastore: {name: db}", {}),
        ("replicas: 3", {"autoscale": {"min": 1, "max": 10, "cpu": 80}}),
    ],
)
def test_memory_is_for_one_replica(spec: str, scaling: dict[str, object]) -> None:
    deploy = spec_of(migrated(service(spec), store("{inMemory: true}")))["deploy"]
    assert {key: value for key, value in deploy.items() if key != "image"} == scaling


def test_settings_that_are_all_comments_say_nothing() -> None:
    empty = SETTINGS[: SETTINGS.index("    autoscaler")] + "    # autoscaler: {}\n"
    assert spec_of(migrated(SECOND, empty))["deploy"]["autoscale"] == {"min": 1, "max": 10, "cpu": 80}


def test_settings_can_turn_the_autoscaler_off() -> None:
    off = SETTINGS.replace("minReplicas: 2", "enabled: false")
    assert spec_of(migrated(SECOND, off))["deploy"]["replicas"] == 2


def test_broken_settings_are_shown_in_their_own_lines() -> None:
    result = migrated(SECOND, SETTINGS.replace("minReplicas: 2", "minReplicas: [").replace("maxReplicas: 6", ""))
    assert "--> 1.yaml#config.yaml:" in found(result)["yaml-syntax"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "nothing-to-migrate"),
        ("- a", "wrong-type"),
        ("words", "wrong-type"),
        ("a: [", "yaml-syntax"),
        ("kind: StatefulService\napiVersion: cloudstate.io/v1alpha1", "missing-key"),
        (service("replicas: many"), "wrong-type"),
        (service("replica: 3"), "unknown-key"),
        (service("replicas: 1").replace("containers:", "containers: []\n  volumes:"), "missing-key"),
        (service("replicas: 1").replace("image", "name"), "missing-key"),
        (service("replicas: 1", name="../../shop"), "bad-service-name"),
        (service("replicas: 1", name="cloudstate"), "reserved-name"),
        (service(USE) + store("{type: Oracle}"), "unknown-value"),
        (service(USE) + store("{}"), "missing-key"),
    ],
)
def test_what_cannot_be_converted(text: str, finding: str) -> None:
    result = migrated(text)
    assert result.has_errors
    assert finding in found(result)


def test_a_spec_and_other_versions_are_left() -> None:
    ours = service("replicas: 1").replace("v1alpha1", "v1")
    assert "it is a spec already" in found(migrated(SECOND, ours))["document-left"]
    assert "is not `cloudstate.io/v1alpha1`" in found(migrated(SECOND, ours.replace("/v1", "/v7")))["document-left"]
