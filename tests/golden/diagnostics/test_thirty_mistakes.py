"""A spec with thirty mistakes: one run reports each of them, in order, at its line and column.

The mistakes are marked where they are made: in ``«CS1005 evnts»``, ``evnts`` is found with the code CS1005. The places
come from the marks alone, so nothing that the compiler says about itself is believed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.compiler.projects import write_files

from cloudstate.compiler.driver import compile_specs

PROTO = """\
syntax = "proto3";
package shop;

import "cloudstate/entity_key.proto";
import "google/api/annotations.proto";

service Cart {
  rpc Add(AddRequest) returns (Items);
  rpc Get(GetRequest) returns (Items);
  rpc «CS3001 List»(ListRequest) returns (Items);
  rpc «CS3003 Follow»(AddRequest) returns (stream Items);
  rpc Show(AddRequest) returns (Items) {
    option (google.api.http) = {get: "«CS3102 carts/{cart_id}»"};
  }
  rpc Find(AddRequest) returns (Items) {
    option (google.api.http) = {get: "/found/{«CS3103 shelf»}"};
  }
  rpc Fill(AddRequest) returns (Items) {
    option (google.api.http) = {post: "/fill" body: "«CS3106 bag»"};
  }
}

service Stock {
  rpc Count(AddRequest) returns (Items);
}

service Prices {
  rpc Ask(AddRequest) returns (Items);
}

message AddRequest {
  string cart_id = 1 [(cloudstate.entity_key) = true];
}

message GetRequest {
  double «CS3002 weight» = 1 [(cloudstate.entity_key) = true];
}

message ListRequest {}

message Items {
  repeated string items = 1;
}

message ItemAdded {}

message ItemRemoved {}
"""

SPEC = """\
apiVersion: cloudstate.io/v1
kind: StatefulService
metadata: {name: «CS2009 Shop»}
spec:
  protos: [shop.proto]
  shards: «CS1013 0»
  «CS1005 replica»: 3
  entities:
    - service: shop.Cart
      model: event-sourced
      type: cart
      class: «CS2012 cart»
      state: «CS2003 shop.Item»
      events: [shop.ItemAdded, shop.ItemRemoved, «CS3009 shop.ItemAdded»]
      snapshot: {every: «CS1006 often»}
      passivation: «CS1012 soon»
      «CS1005 evnts»: []
      commands:
        «CS2004 Ad»: {}
        Get: {effect: «CS3011 read», emits: [ItemAdded]}
        Add: {effect: «CS1010 destroy», emits: [«CS2006 Items»]}
    - service: «CS2002 shop.Card»
      model: value
    - {service: shop.Stock, model: value, type: «CS3005 cart», state: shop.Items, «CS3008 events»: [shop.ItemAdded]}
    - {service: shop.Prices, model: «CS1011 valu»}
  placement: «CS1010 nowhere»
  store: {kind: sqlite, secret: «CS4009 shop-db»}
  deploy:
    image: «CS4003 "a b"»
    replicas: 1
    resources: {cpu: «CS4004 x», memory: 256Mi}
    callers: [«CS4007 Check_out»]
    mesh: istio
    gateway: public
    hosts: [«CS5102 Shop_One»]
    jwt: {issuer: https://id.example, keys: «CS5103 http://id.example/keys»}
"""


class Place(NamedTuple):
    """Where a finding is, as people count, and what it is."""

    file: str
    line: int
    column: int
    code: str


_MARK = re.compile(r"«(\w+) ([^»]*)»")


def unmarked(file: str, text: str) -> tuple[str, list[Place]]:
    """The text as an author would have written it, and the places of its marks."""
    lines, places = [], []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        while mark := _MARK.search(line):
            places.append(Place(file, number, mark.start() + 1, mark[1]))
            line = line[: mark.start()] + mark[2] + line[mark.end() :]
        lines.append(line)
    return "".join(lines), places


def test_each_of_thirty_mistakes_is_reported_in_order_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto, in_proto = unmarked("protos/shop.proto", PROTO)
    spec, in_spec = unmarked("service.yaml", SPEC)
    write_files(tmp_path, {"protos/shop.proto": proto, "service.yaml": spec})
    monkeypatch.chdir(tmp_path)
    found = [
        Place(it.span.source.name, *it.span.source.position(it.span.start), it.code.id)
        for it in compile_specs(["service.yaml"]).diagnostics
    ]
    assert found == in_proto + in_spec
    assert len(found) == 30
