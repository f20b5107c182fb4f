"""Loading a compiled service, and refusing what is not one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.front_door.protos import compile_protos

from cloudstate.runtime.description import Model, Placement, load
from cloudstate.runtime.errors import ServiceInvalid

PROTO = """
syntax = "proto3";
package carts;
message Add { string user = 1; }
message Cart { int32 size = 1; }
message Added {}
service Carts { rpc Add(carts.Add) returns (Cart); rpc Watch(carts.Add) returns (stream Cart); }
"""


def document() -> dict[str, Any]:
    add: dict[str, Any] = {
        "name": "Add",
        "input": "carts.Add",
        "output": "carts.Cart",
        "key": ["user"],
        "effect": "write",
    }
    add |= {"client_streaming": False, "server_streaming": False, "emits": ["carts.Added"]}
    entity: dict[str, Any] = {
        "service": "carts.Carts",
        "model": "event-sourced",
        "type": "carts",
        "implementation": "carts.Carts",
    }
    entity |= {"state": "carts.Cart", "events": ["carts.Added"], "snapshot_every": 10, "passivation_ms": 500}
    entity |= {"crdt": None, "commands": [add]}
    return {
        "format": "cloudstate.io/service/v1",
        "digest": "abc",
        "name": "my-carts",
        "package": "my_carts_service",
        "placement": "embedded",
        "shards": 16,
        "store": {"kind": "sqlite", "secret": None},
        "entities": [entity],
        "deployment": {},
    }


def write(directory: Path, content: object) -> Path:
    (directory / "service.json").write_text(json.dumps(content))
    (directory / "service.binpb").write_bytes(compile_protos(carts=PROTO).SerializeToString())
    return directory


def test_everything_is_read(tmp_path: Path) -> None:
    service = load(write(tmp_path, document()))

    assert (service.name, service.package, service.digest) == ("my-carts", "my_carts_service", "abc")
    assert (service.placement, service.shards, service.store.kind) == (Placement.EMBEDDED, 16, "sqlite")
    (entity,) = service.entities
    assert service.entity("carts.Carts") is entity
    assert service.entity("carts.Other") is None
    assert (entity.model, entity.type, entity.implementation) == (Model.EVENT_SOURCED, "carts", "carts.Carts")
    assert (entity.state, entity.events) == ("carts.Cart", ("carts.Added",))
    assert (entity.snapshot_every, entity.passivation_ms, entity.crdt) == (10, 500, None)
    assert entity.idempotency_window is None
    (command,) = entity.commands
    assert (command.name, command.input, command.output) == ("Add", "carts.Add", "carts.Cart")
    assert (command.key, command.effect, command.emits) == (("user",), "write", ("carts.Added",))
    assert command.is_unary


def test_the_window_of_kept_answers(tmp_path: Path) -> None:
    described = document()
    described["entities"][0]["idempotency_window"] = 0
    (entity,) = load(write(tmp_path, described)).entities
    assert entity.idempotency_window == 0


@pytest.mark.parametrize("name", ["service.json", "service.binpb"])
def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path, name: str) -> None:
    (write(tmp_path, document()) / name).unlink()

    with pytest.raises(ServiceInvalid, match=rf"{re.escape(name)}` cannot be read: No such file") as caught:
        load(tmp_path)
    assert "cloudstate compile" in caught.value.help


@pytest.mark.parametrize("text", ["{", "\x00", ""])
def test_json_that_is_none(tmp_path: Path, text: str) -> None:
    (write(tmp_path, document()) / "service.json").write_text(text)

    with pytest.raises(ServiceInvalid, match="is not JSON"):
        load(tmp_path)


def test_binary_that_is_no_descriptor_set(tmp_path: Path) -> None:
    (write(tmp_path, document()) / "service.binpb").write_bytes(b"\xff")

    with pytest.raises(ServiceInvalid, match=r"service\.binpb` is not a FileDescriptorSet"):
        load(tmp_path)


def entity(change: dict[str, object]) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["entities"][0].update(change)


def command(change: dict[str, object]) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["entities"][0]["commands"][0].update(change)


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda c: c.update(format="cloudstate.io/service/v2"), "has the format `cloudstate.io/service/v2`, this"),
        (lambda c: c.pop("name"), "`name` must be a string, found nothing"),
        (lambda c: c.update(shards=True), "`shards` must be a number, found `True`"),
        (lambda c: c.update(shards="16"), "`shards` must be a number, found `'16'`"),
        (lambda c: c.update(placement="moon"), "`placement` must be one of embedded, sidecar, found `'moon'`"),
        (lambda c: c.update(store=[]), "`store` must be an object"),
        (lambda c: c.update(entities=["x"]), "must be an object, found `'x'`"),
        (entity({"events": [1]}), r"`entities\[0\].events\[0\]` must be a string"),
        (entity({"model": "heap"}), r"`entities\[0\].model` must be one of event-sourced, value, crdt, action"),
        (entity({"service": "carts.Gone"}), "no service `carts.Gone`"),
        (entity({"state": "carts.Gone"}), "entity `carts.Carts`: the descriptors hold no message `carts.Gone`"),
        (entity({"events": ["carts.Gone"]}), "no message `carts.Gone`"),
        (command({"name": "Gone"}), "service `carts.Carts` has no method `Gone`"),
        (command({"key": ["gone"]}), "its key `gone` is not a field of `carts.Add`"),
        (command({"output": "carts.Add"}), "described otherwise than its method is declared"),
        (command({"server_streaming": True}), "described otherwise than its method is declared"),
        (command({"client_streaming": None}), r"commands\[0\].client_streaming` must be true or false"),
        (lambda c: c["entities"].append(c["entities"][0]), "`carts.Carts` is served by two entities"),
    ],
)
def test_damage_is_located(tmp_path: Path, damage: Callable[[dict[str, Any]], object], text: str) -> None:
    content = document()
    damage(content)

    with pytest.raises(ServiceInvalid, match=text) as caught:
        load(write(tmp_path, content))
    assert str(tmp_path) in caught.value.args[0]
    assert caught.value.help


def test_a_document_that_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(ServiceInvalid, match="`the document` must be an object"):
        load(write(tmp_path, []))
