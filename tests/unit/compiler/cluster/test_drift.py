"""How live objects differ from generated ones, and that no secret is told."""

from __future__ import annotations

from typing import Any

import pytest

from cloudstate.compiler.cluster.drift import difference, drift


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


def secret(**data: str) -> dict[str, Any]:
    return {**config_map(**data), "kind": "Secret"}


def test_what_is_as_generated_has_no_drift() -> None:
    live = {**config_map(a="1", b="2"), "status": {}, "metadata": {"name": "x", "uid": "7"}}
    assert list(drift(config_map(a="1"), live)) == []


def test_a_changed_and_an_absent_field_are_drift() -> None:
    found = [str(it) for it in drift(config_map(a="1", b="2"), config_map(a="3"))]
    assert found == ["`data.a` is '3', generated was '1'", "`data.b` is absent, generated was '2'"]


def test_items_of_lists_are_found_by_name() -> None:
    wanted = {"containers": [{"name": "service", "image": "a"}]}
    live = {"containers": [{"name": "injected", "image": "z"}, {"name": "service", "image": "b"}]}
    assert [it.path for it in drift(wanted, live)] == ["containers[service].image"]
    assert [it.path for it in drift(wanted, {"containers": []})] == ["containers[service]"]


def test_items_of_lists_that_share_a_name_are_told_apart() -> None:
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    assert list(drift({"ports": ports}, {"ports": ports[::-1]})) == []
    assert [it.path for it in drift({"ports": ports}, {"ports": ports[:1]})] == ["ports[53].protocol"]


@pytest.mark.parametrize(
    ("wanted", "live"), [("1000m", "1"), ("0.5", "500m"), ("1024Mi", "1Gi"), ({}, None), (False, None)]
)
def test_the_server_may_write_a_value_its_own_way(wanted: object, live: object) -> None:
    assert list(drift({"cpu": wanted}, {"cpu": live})) == []


@pytest.mark.parametrize(("wanted", "live"), [("500m", "1"), ("a", "b"), (True, 1), (3, None), (["ALL"], ["ALL", "X"])])
def test_other_values_are_other_values(wanted: object, live: object) -> None:
    assert len(list(drift({"cpu": wanted}, {"cpu": live}))) == (0 if wanted is True else 1)


def test_a_diff_shows_what_changes_and_not_what_the_server_keeps() -> None:
    before = {**config_map(a="1"), "metadata": {"name": "x", "managedFields": [{}], "resourceVersion": "1"}}
    after = {**config_map(a="2"), "metadata": {"name": "x", "managedFields": [], "resourceVersion": "2"}}
    assert difference(before, before, "x") == []
    lines = difference(before, after, "x")
    assert "-  a: '1'" in lines
    assert "+  a: '2'" in lines
    assert "managedFields" not in "\n".join(lines)


def test_a_diff_never_shows_a_secret() -> None:
    before = secret(password="b2xk")
    before["metadata"] = {"name": "x", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "b2xk"}}
    for one, other in [(before, secret(password="bmV3")), (None, before), (before, None)]:
        text = "\n".join(difference(one, other, "x"))
        assert text
        assert "b2xk" not in text
        assert "bmV3" not in text
    assert any("data.password" in line for line in difference(before, secret(password="bmV3"), "x"))


def test_drift_never_shows_a_secret() -> None:
    text = "\n".join(map(str, drift(secret(password="b2xk", other="b2xk"), secret(password="bmV3"))))
    assert "data.password" in text
    assert "b2xk" not in text
    assert "bmV3" not in text
