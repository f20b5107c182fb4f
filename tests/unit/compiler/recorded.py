"""Small services and what is recorded of them, for tests of the lock."""

from __future__ import annotations

from pathlib import Path

from tests.unit.compiler.projects import read_files

from cloudstate.compiler.frontend import lower
from cloudstate.compiler.lock import Lock, Today, Version
from cloudstate.compiler.lock.record import sampled
from cloudstate.compiler.lock.samples import samples_of

PROTO = """\
syntax = "proto3";

package shop;

import "cloudstate/entity_key.proto";

service Cart {
  rpc Add(AddRequest) returns (Items) {}
}

message AddRequest {
  string id = 1 [(cloudstate.entity_key) = true];
}

message Items {
  repeated Item items = 1;
}

message Item {
  string name = 1;
  Size size = 2;
}

enum Size {
  SIZE_UNKNOWN = 0;
  SIZE_SMALL = 1;
}

message Added {
  Item item = 1;
  int32 quantity = 2;
  reserved 9, 20 to 29;
}
"""
SPEC = """\
apiVersion: cloudstate.io/v1
kind: StatefulService
metadata: {name: shop}
spec:
  protos: [shop.proto]
  entities:
    - {service: shop.Cart, model: event-sourced, type: cart, state: shop.Items, events: [shop.Added]}
"""


def today(folder: Path, proto: str = PROTO, spec: str = SPEC) -> Today:
    """A spec as the lock sees it."""
    result, findings = read_files(folder, {"service.yaml": spec, "protos/shop.proto": proto})
    assert findings == []
    return Today.of(lower(result), result)


def version(name: str, now: Today) -> Version:
    """What a release of the spec records."""
    return Version(name, now.stored, samples_of(now.pool, sampled(now.stored)))


def lock_of(*versions: Today) -> Lock:
    """A lock whose versions are numbered."""
    return Lock(tuple(version(str(number), now) for number, now in enumerate(versions, 1)))
