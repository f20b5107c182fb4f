"""Reflection's answers; over the wire they are tested in tests/e2e."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import ExtensionRequest, ServerReflectionRequest
from tests.front_door.protos import compile_protos, describe, shop, shop_schema

from cloudstate.runtime.description import Schema
from cloudstate.runtime.proxy.reflection import Reflection

ALPHA = "grpc.reflection.v1alpha.ServerReflection"
V1 = "grpc.reflection.v1.ServerReflection"
HEALTH = "grpc.health.v1.Health"


def ask(**question: Any) -> Any:
    return Reflection(shop()).answer_v1(ServerReflectionRequest(host="h", **question))


def ask_alpha(**question: Any) -> Any:
    return Reflection(shop()).answer_alpha(ServerReflectionRequest(host="h", **question))


def files(response: Any) -> list[FileDescriptorProto]:
    return [FileDescriptorProto.FromString(data) for data in response.file_descriptor_response.file_descriptor_proto]


def names(response: Any) -> list[str]:
    return [service.name for service in response.list_services_response.service]


@pytest.mark.parametrize("argument", ["", "nonsense.blah.blah"])
def test_the_services_are_listed_whatever_the_argument(argument: str) -> None:
    assert names(ask_alpha(list_services=argument)) == [ALPHA, "test.shop.Shop"]
    assert names(ask(list_services=argument)) == [V1, ALPHA, HEALTH, "test.shop.Shop"]


def test_user_services_are_sorted() -> None:
    proto = 'syntax = "proto3"; message M {} service B { rpc C(M) returns (M); } service A { rpc C(M) returns (M); }'
    reflection = Reflection(describe(Schema(compile_protos(two=proto).file), "B", "A"))

    assert names(reflection.answer_alpha(ServerReflectionRequest(list_services="*"))) == [ALPHA, "A", "B"]


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("test.shop.Shop", "shop.proto"),
        ("test.shop.Shop.Watch", "shop.proto"),
        ("test.shop.Everything", "shop.proto"),
        ("test.shop.Everything.text", "shop.proto"),
        ("test.shop.Everything.CountsEntry", "shop.proto"),
        ("test.shop.Colour", "shop.proto"),
        ("test.shop.RED", "shop.proto"),
        ("google.protobuf.Timestamp", "google/protobuf/timestamp.proto"),
        ("google.api.http", "google/api/annotations.proto"),
        ("cloudstate.entity_key", "cloudstate/entity_key.proto"),
        (HEALTH, "grpc_health/v1/health.proto"),
        ("grpc.health.v1.Health.Check", "grpc_health/v1/health.proto"),
        (V1, "grpc_reflection/v1/reflection.proto"),
        (f"{V1}.ServerReflectionInfo", "grpc_reflection/v1/reflection.proto"),
        (ALPHA, "grpc_reflection/v1alpha/reflection.proto"),
    ],
)
def test_symbols(symbol: str, file: str) -> None:
    for response in (ask(file_containing_symbol=symbol), ask_alpha(file_containing_symbol=symbol)):
        assert files(response)[0].name == file


def test_a_file_comes_with_everything_that_it_needs_and_all_options() -> None:
    found = files(ask(file_by_filename="shop.proto"))

    known = {file.name for file in found}
    assert found[0].name == "shop.proto"
    assert len(known) == len(found)
    assert all(needed in known for file in found for needed in file.dependency)
    original = next(file for file in shop_schema().files if file.name == "shop.proto")
    assert found[0].SerializeToString() == original.SerializeToString()


def test_extensions() -> None:
    key = ExtensionRequest(containing_type="google.protobuf.FieldOptions", extension_number=1080)
    assert files(ask(file_containing_extension=key))[0].name == "cloudstate/entity_key.proto"

    numbers = ask(all_extension_numbers_of_type="google.protobuf.FieldOptions").all_extension_numbers_response
    assert (numbers.base_type_name, list(numbers.extension_number)) == ("google.protobuf.FieldOptions", [1080])

    none = ask(all_extension_numbers_of_type="test.shop.Item").all_extension_numbers_response
    assert (none.base_type_name, list(none.extension_number)) == ("test.shop.Item", [])


@pytest.mark.parametrize(
    "question",
    [
        {"file_by_filename": "nope.proto"},
        {"file_containing_symbol": "nope.Nope"},
        {"file_containing_symbol": ""},
        {"file_containing_symbol": "test.shop.Shop.Nope"},
        {"file_containing_extension": ExtensionRequest(containing_type="nope", extension_number=1)},
        {"file_containing_extension": ExtensionRequest(containing_type="test.shop.Item", extension_number=1)},
        {"all_extension_numbers_of_type": "nope"},
    ],
)
def test_what_is_not_there(question: dict[str, Any]) -> None:
    alpha = ask_alpha(**question)
    assert alpha.WhichOneof("message_response") == "file_descriptor_response"
    assert files(alpha) == []

    response = ask(**question)
    assert response.error_response.error_code == 5
    assert response.error_response.error_message


def test_host_and_request_come_back() -> None:
    response = ask(file_by_filename="x")

    assert response.valid_host == "h"
    assert response.original_request == ServerReflectionRequest(host="h", file_by_filename="x")


def test_a_request_that_asks_nothing() -> None:
    assert ask().error_response.error_code == 3
    assert ask_alpha().error_response.error_code == 3
