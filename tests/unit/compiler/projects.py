"""Small projects on disk for tests of the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cloudstate.compiler.diagnostics import Diagnostic
from cloudstate.compiler.frontend import lower, read
from cloudstate.compiler.inputs import Input
from cloudstate.compiler.model import Service
from cloudstate.compiler.model.spec import Spec

HEAD = "apiVersion: cloudstate.io/v1\nkind: StatefulService\nmetadata: {name: shop}\nspec:\n"
CART = "    - {service: shop.Cart, model: value, type: cart, state: shop.Items}\n"

PROTO = """\
syntax = "proto3";

package shop;

import "cloudstate/entity_key.proto";

// The cart.
//   Indented.
service Cart {
  // Shows it.
  rpc GetCart(GetRequest) returns (Items) {}
}

message GetRequest {
  string id = 1 [(cloudstate.entity_key) = true];
}

/* What is in it. */
message Items {}

message Added {}
"""


def spec_text(entities: str = CART, protos: str = "[shop.proto]", more: str = "") -> str:
    """A spec with the given parts."""
    return f"{HEAD}  protos: {protos}\n" + (f"  entities:\n{entities}" if entities else "") + more


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write some files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read_files(folder: Path, files: Mapping[str, str], spec: str = "service.yaml") -> tuple[Spec, list[Diagnostic]]:
    """Write some files and read the spec among them."""
    write_files(folder, files)
    result, findings = read(Input(folder / spec, spec))
    assert result is not None, findings
    return result, list(findings)


def service_of(folder: Path, files: Mapping[str, str], spec: str = "service.yaml") -> Service:
    """The service of a spec that has no mistakes."""
    result, findings = read_files(folder, files, spec)
    assert findings == []
    return lower(result)
