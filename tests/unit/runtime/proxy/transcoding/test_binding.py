"""Rules that cannot be served are refused at start, with the method, the reason and a way out."""

from __future__ import annotations

import pytest
from tests.front_door.protos import compile_protos, describe, shop

from cloudstate.runtime.description import Schema
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.host import Router
from cloudstate.runtime.proxy import FrontDoor

PROTO = """
syntax = "proto3";
package bad;
import "google/api/annotations.proto";
enum Colour { RED = 0; }
message In {
  string id = 1; repeated string many = 2; map<string, string> map = 3; Colour colour = 4; In nested = 5;
}
message Out { string text = 1; repeated string list = 2; }
service S { rpc M(In) returns (Out) { option (google.api.http) = { %s }; } }
"""


def front_door(rule: str) -> FrontDoor:
    schema = Schema(compile_protos(bad=PROTO % rule).file)
    return FrontDoor(describe(schema, "bad.S"), Router(()))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ('selector: "other.S.M" get: "/a"', "the selector is `other.S.M`"),
        ('body: "*"', "the rule has no pattern"),
        ('get: ""', "a path template starts with `/` at character 1 of ``"),
        ('get: "a"', "a path template starts with `/`"),
        ('get: "/{id}/{id}"', "the variable `id` for the second time"),
        ('get: "/{id={many}}"', "a variable inside the variable `id`"),
        ('get: "/**/x"', "nothing may follow `**`"),
        ('custom { kind: "LINK" path: "/a" }', "the custom kind `LINK` is not supported"),
        ('post: "/a" body: "nope"', "body `nope` is not a field of `bad.In`"),
        ('post: "/a" body: "many"', "body `many` is a repeated field of `bad.In`"),
        ('post: "/a" body: "map"', "body `map` is a repeated field of `bad.In`"),
        ('get: "/a" body: "*"', "body `*` on a GET"),
        ('get: "/a" response_body: "nope"', "response_body `nope` is not a field of `bad.Out`"),
        (
            'get: "/a" additional_bindings { get: "/b" additional_bindings { get: "/c" } }',
            "additional_bindings inside additional_bindings",
        ),
        ('get: "/a" additional_bindings { get: "/{nope}" }', "path variable `nope` is not a field of `bad.In`"),
        ('get: "/{nope}"', "path variable `nope` is not a field of `bad.In`"),
        ('get: "/{many}"', "the path variable `many` is a repeated field"),
        ('get: "/{map}"', "the path variable `map` is a map"),
        ('get: "/{colour}"', "the path variable `colour` is an enum"),
        ('get: "/{nested}"', "the path variable `nested` is a message"),
        ('get: "/{nested.id}"', "the path variable `nested.id` reaches into a nested message"),
    ],
)
def test_bad_rules(rule: str, text: str) -> None:
    with pytest.raises(ServiceInvalid) as caught:
        front_door(rule)
    message = caught.value.args[0]
    assert message.startswith(f"HTTP API Config: {text}")
    assert message.endswith("(google.api.http of `bad.S.M`)")
    assert caught.value.help


@pytest.mark.parametrize(
    "rule",
    [
        'selector: "bad.S.M" get: "/a"',
        'delete: "/a" body: "*"',
        'custom { kind: "*" path: "/a" }',
        'get: "/a" response_body: "list"',
        'post: "/a" body: "nested"',
        'patch: "/a/{id=x/*}:go" body: "colour"',
    ],
)
def test_good_rules(rule: str) -> None:
    assert front_door(rule).methods("/bad.S/M") is not None


def test_the_test_service_is_good() -> None:
    FrontDoor(shop(), Router(()))
