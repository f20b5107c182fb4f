"""The schema: files in any order, clear refusals, types by name, options."""

from __future__ import annotations

import itertools

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.timestamp_pb2 import Timestamp
from tests.front_door.protos import compile_protos, shop_schema

from cloudstate.runtime.description import Schema, entity_key, http_rule
from cloudstate.runtime.errors import ServiceInvalid


def file(name: str, *imports: str) -> FileDescriptorProto:
    return FileDescriptorProto(name=name, dependency=imports, syntax="proto3")


DIAMOND = [file("top", "left", "right"), file("left", "bottom"), file("right", "bottom"), file("bottom")]


@pytest.mark.parametrize("files", list(itertools.permutations(DIAMOND)))
def test_files_are_linked_in_any_order(files: tuple[FileDescriptorProto, ...]) -> None:
    names = [linked.name for linked in Schema(files).files]

    assert sorted(names) == ["bottom", "left", "right", "top"]
    assert names.index("bottom") < min(names.index("left"), names.index("right"))
    assert names[-1] == "top"


def test_a_missing_import_is_named_with_the_path_to_it() -> None:
    with pytest.raises(ServiceInvalid, match="misses an import: `a` -> `b` -> `c`"):
        Schema([file("a", "b"), file("b", "c")])


def test_a_circle_is_shown_once_around() -> None:
    with pytest.raises(ServiceInvalid, match="circle: `b` -> `c` -> `b`"):
        Schema([file("a", "b"), file("b", "c"), file("c", "b")])


def test_a_long_chain_of_imports_is_no_problem() -> None:
    chain = [file(f"f{n}", f"f{n + 1}") for n in range(5000)]

    assert len(Schema([*chain, file("f5000")]).files) == 5001


def test_the_same_file_twice_counts_once_and_another_content_is_refused() -> None:
    assert len(Schema([file("a"), file("a")]).files) == 1
    with pytest.raises(ServiceInvalid, match="`a` twice, with different contents"):
        Schema([file("a"), file("a", "b"), file("b")])


def test_a_file_that_protobuf_refuses_is_named() -> None:
    broken = file("broken")
    broken.message_type.add(name="M").field.add(name="f", number=1, type_name=".nowhere.Type")

    with pytest.raises(ServiceInvalid, match="`broken` cannot be linked"):
        Schema([broken])


@pytest.mark.parametrize(("data", "text"), [(b"", "holds no files"), (b"\xff\xff", "is not a FileDescriptorSet")])
def test_bytes_that_are_no_descriptor_set(data: bytes, text: str) -> None:
    with pytest.raises(ServiceInvalid, match=text):
        Schema.parse(data, "`x`")


def test_types_are_found_by_full_name() -> None:
    schema = shop_schema()
    item = schema.message_class("test.shop.Item")

    assert item is schema.message_class("test.shop.Item")
    assert item.DESCRIPTOR is schema.message("test.shop.Item")
    assert [method.name for method in schema.service("test.shop.Shop").methods][:3] == ["Add", "Get", "Echo"]
    watch = schema.method("test.shop.Shop", "Watch")
    assert (watch.client_streaming, watch.server_streaming) == (False, True)


def test_well_known_types_have_their_methods_in_a_private_pool() -> None:
    timestamp = shop_schema().message_class("google.protobuf.Timestamp")

    assert timestamp is not Timestamp
    assert timestamp(seconds=1).ToJsonString() == "1970-01-01T00:00:01Z"  # type: ignore[attr-defined]


def test_unknown_names_are_clear_errors() -> None:
    schema = shop_schema()

    with pytest.raises(ServiceInvalid, match=r"no message `test\.shop\.Nothing`"):
        schema.message("test.shop.Nothing")
    with pytest.raises(ServiceInvalid, match=r"no service `test\.shop\.Item`"):
        schema.service("test.shop.Item")
    with pytest.raises(ServiceInvalid, match=r"service `test\.shop\.Shop` has no method `Fly`"):
        schema.method("test.shop.Shop", "Fly")


def test_two_schemas_may_use_one_name_for_different_things() -> None:
    first = Schema(compile_protos(domain='syntax = "proto3"; message Cart { string a = 1; }').file)
    second = Schema(compile_protos(domain='syntax = "proto3"; message Cart { int32 b = 2; }').file)

    assert first.message_class("Cart")(a="x").SerializeToString() == b"\x0a\x01x"
    assert second.message_class("Cart")(b=1).SerializeToString() == b"\x10\x01"


def test_entity_keys_in_the_order_of_declaration() -> None:
    schema = Schema(
        compile_protos(
            keyed="""
            syntax = "proto3";
            import "cloudstate/entity_key.proto";
            import "cloudstate/legacy_entity_key.proto";
            message Keyed {
              string second = 9 [(cloudstate.legacy_entity_key) = true];
              Inner inner = 3;
              int64 third = 1 [deprecated = true, (cloudstate.entity_key) = true];
              string not_key = 4 [(cloudstate.entity_key) = false];
            }
            message Inner { string hidden = 1 [(cloudstate.entity_key) = true]; }
            """
        ).file
    )

    assert entity_key(schema.message("Keyed")) == ("second", "third")


def test_http_rules() -> None:
    rule = http_rule(shop_schema().method("test.shop.Shop", "Add"))

    assert rule is not None
    assert (rule.post, rule.body) == ("/carts/{user_id}/items", "item")
    assert rule.additional_bindings[0].put == "/carts/{user_id}/all"
    assert http_rule(shop_schema().method("test.shop.Shop", "Plain")) is None
