"""From files to the service model: what specs and protos may look like, and what is made of them."""

from __future__ import annotations

from pathlib import Path

from tests.unit.compiler.projects import PROTO, read_files, service_of, spec_text, write_files

from cloudstate.compiler.frontend import read
from cloudstate.compiler.inputs import Input
from cloudstate.compiler.model import CommandEffect, Model, Placement, Resources, Store, StoreKind


def test_everything_in_a_spec_arrives_in_the_model(tmp_path: Path) -> None:
    entities = (
        "    - service: shop.Cart\n      model: event-sourced\n      type: cart\n      class: carts.main.OldCart\n"
        "      state: shop.Items\n      events: [shop.Added]\n      snapshot: {every: 7}\n      passivation: 2m\n"
        "      commands: {GetCart: {effect: read}}\n"
    )
    more = (
        "  placement: sidecar\n  shards: 16\n  store: {kind: postgresql, secret: db}\n"
        "  deploy: {image: shop:1, autoscale: {min: 1, max: 3, cpu: 50}, mesh: istio, callers: [checkout],"
        " resources: {cpu: 2, memory: 1Gi}, cluster: {secret: meet}}\n"
    )
    service = service_of(tmp_path, {"service.yaml": spec_text(entities, more=more), "protos/shop.proto": PROTO})
    assert (service.name, service.placement, service.shards) == ("shop", Placement.SIDECAR, 16)
    assert service.store == Store(StoreKind.POSTGRESQL, "db")
    deployment = service.deployment
    assert (deployment.image, deployment.mesh, deployment.callers) == ("shop:1", "istio", ("checkout",))
    assert deployment.autoscale is not None
    assert (deployment.autoscale.min, deployment.autoscale.max, deployment.autoscale.cpu) == (1, 3, 50)
    assert (deployment.resources, deployment.cluster) == (Resources("2", "1Gi"), "meet")
    (entity,) = service.entities
    assert (entity.model, entity.type, entity.implementation) == (Model.EVENT_SOURCED, "cart", "carts.main.OldCart")
    assert (entity.snapshot_every, entity.passivation_ms) == (7, 120_000)
    assert entity.state is not None
    assert entity.state.full_name == "shop.Items"
    assert [event.full_name for event in entity.events] == ["shop.Added"]
    (command,) = entity.commands
    assert (command.name, command.key, command.effect) == ("GetCart", ("id",), CommandEffect.READ)


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    entity = "    - {service: shop.Cart, model: value, state: shop.Items}\n"
    service = service_of(tmp_path, {"service.yaml": spec_text(entity), "protos/shop.proto": PROTO})
    assert (service.placement, service.shards, service.store) == (Placement.EMBEDDED, 256, Store(StoreKind.SQLITE))
    (made,) = service.entities
    assert (made.type, made.implementation) == ("cart", "cart.Cart")
    assert (made.snapshot_every, made.passivation_ms) == (100, 30_000)


def test_a_key_without_a_value_is_as_good_as_none(tmp_path: Path) -> None:
    entity = "    - service: shop.Cart\n      model:\n      type:\n      state:\n"
    _, findings = read_files(tmp_path, {"service.yaml": spec_text(entity), "protos/shop.proto": PROTO})
    assert [found.message for found in findings] == ["`model` is missing"]
    entity = entity.replace("model:", "model: action")
    (made,) = service_of(tmp_path, {"service.yaml": spec_text(entity, more="  deploy:\n  store:\n")}).entities
    assert made.type == "shop.Cart"


def test_comments_become_docs(tmp_path: Path) -> None:
    (entity,) = service_of(tmp_path, {"service.yaml": spec_text(), "protos/shop.proto": PROTO}).entities
    assert entity.docs == "The cart.\n  Indented."
    assert entity.commands[0].docs == "Shows it."
    assert entity.commands[0].output.docs == "What is in it."


def test_without_a_protos_folder_the_spec_folder_is_the_proto_root(tmp_path: Path) -> None:
    service = service_of(tmp_path, {"service.yaml": spec_text(), "shop.proto": PROTO})
    assert [file.path for file in service.files if file.generated] == ["shop.proto"]


def test_files_come_dependencies_first_and_only_own_ones_are_generated(tmp_path: Path) -> None:
    files = {
        "service.yaml": spec_text(),
        "protos/shop.proto": PROTO.replace(
            "service Cart", 'import "z/money.proto";\nimport "google/type/date.proto";\n\nservice Cart'
        ),
        "protos/z/money.proto": 'syntax = "proto3";\n\nmessage Money {}\n',
    }
    service = service_of(tmp_path, files)
    paths = [file.path for file in service.files]
    assert paths.index("z/money.proto") < paths.index("shop.proto")
    assert {file.path for file in service.files if file.generated} == {"shop.proto", "z/money.proto"}
    assert {"google/type/date.proto", "cloudstate/entity_key.proto"} <= set(paths)


def test_copies_of_installed_files_are_not_used(tmp_path: Path) -> None:
    """A project that has vendored well-known files would generate modules that hide the installed ones."""
    files = {
        "service.yaml": spec_text(),
        "protos/shop.proto": PROTO,
        "protos/cloudstate/entity_key.proto": "not even proto",
    }
    service = service_of(tmp_path, files)
    assert [file.path for file in service.files if file.generated] == ["shop.proto"]


def test_nested_types_enums_maps_oneofs_and_optional_fields(tmp_path: Path) -> None:
    proto = PROTO.replace(
        "message Added {}",
        "message Outer {\n  message Inner {\n    message Added {}\n  }\n  enum Kind { NONE = 0; }\n"
        "  map<string, Inner> by_name = 1;\n  optional int32 count = 2;\n"
        "  oneof choice {\n    Kind kind = 3;\n    string class = 4;\n  }\n}",
    )
    events = "[shop.Outer.Inner.Added, Outer]"
    entity = f"    - {{service: Cart, model: event-sourced, type: cart, state: Items, events: {events}}}\n"
    (made,) = service_of(tmp_path, {"service.yaml": spec_text(entity), "protos/shop.proto": proto}).entities
    inner, outer = made.events
    assert (inner.nesting, inner.name) == (("Outer", "Inner", "Added"), "Added")
    assert outer.full_name == "shop.Outer"


def test_the_older_entity_key_option_counts(tmp_path: Path) -> None:
    proto = PROTO.replace("cloudstate/entity_key.proto", "cloudstate/legacy_entity_key.proto").replace(
        "(cloudstate.entity_key)", "(cloudstate.legacy_entity_key)"
    )
    (entity,) = service_of(tmp_path, {"service.yaml": spec_text(), "protos/shop.proto": proto}).entities
    assert entity.commands[0].key == ("id",)


def test_several_key_fields_keep_the_order_of_declaration(tmp_path: Path) -> None:
    proto = PROTO.replace(
        "string id = 1", "string zone = 9 [(cloudstate.entity_key) = true];\n  string other = 2;\n  string id = 1"
    )
    (entity,) = service_of(tmp_path, {"service.yaml": spec_text(), "protos/shop.proto": proto}).entities
    assert entity.commands[0].key == ("zone", "id")


def test_a_file_without_a_package(tmp_path: Path) -> None:
    proto = PROTO.replace("package shop;\n", "")
    entity = "    - {service: Cart, model: value, state: Items}\n"
    (made,) = service_of(tmp_path, {"service.yaml": spec_text(entity), "protos/shop.proto": proto}).entities
    assert made.service == "Cart"


def test_streams_keep_their_shape(tmp_path: Path) -> None:
    proto = PROTO.replace("rpc GetCart(GetRequest) returns (Items)", "rpc GetCart(stream GetRequest) returns (Items)")
    entity = "    - {service: shop.Cart, model: action}\n"
    (made,) = service_of(tmp_path, {"service.yaml": spec_text(entity), "protos/shop.proto": proto}).entities
    assert (made.commands[0].client_streaming, made.commands[0].server_streaming) == (True, False)
    assert made.type == "shop.Cart"


def test_a_short_name_never_means_an_installed_message(tmp_path: Path) -> None:
    proto = PROTO.replace("import ", 'import "google/protobuf/empty.proto";\nimport ', 1)
    entity = "    - {service: shop.Cart, model: value, type: cart, state: Empty}\n"
    _, findings = read_files(tmp_path, {"service.yaml": spec_text(entity), "protos/shop.proto": proto})
    assert [found.code.name for found in findings] == ["unknown-message"]
    entity = entity.replace("Empty", "google.protobuf.Empty")
    (made,) = service_of(tmp_path, {"service.yaml": spec_text(entity)}).entities
    assert made.state is not None
    assert not made.state.file.generated


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    assert service_of(tmp_path, {"service.yaml": f"\ufeff{spec_text()}", "protos/shop.proto": PROTO}).name == "shop"


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    write_files(tmp_path, {"protos/shop.proto": PROTO})
    (tmp_path / "service.yaml").write_bytes(spec_text(more="  shards: x\n").replace("\n", "\r\n").encode())
    _, (found,) = read(Input(tmp_path / "service.yaml", "service.yaml"))
    assert (found.span.text, found.span.source.position(found.span.start)) == ("x", (8, 11))


def test_the_digest_depends_on_meaning_only(tmp_path: Path) -> None:
    one = service_of(tmp_path / "one", {"service.yaml": spec_text(), "protos/shop.proto": PROTO})
    reordered = "# a comment\nkind: StatefulService\napiVersion: 'cloudstate.io/v1'\nspec:\n" + spec_text().split(
        "spec:\n"
    )[1].replace("shop.Items", "Items")
    two = service_of(
        tmp_path / "two", {"service.yaml": reordered + "metadata:\n  name: shop\n", "protos/shop.proto": PROTO}
    )
    assert one == two
    other = service_of(
        tmp_path / "three", {"service.yaml": spec_text(), "protos/shop.proto": PROTO.replace("Shows", "Returns")}
    )
    assert other.digest != one.digest


def test_the_order_of_listed_protos_does_not_matter(tmp_path: Path) -> None:
    files = {"protos/shop.proto": PROTO, "protos/a.proto": 'syntax = "proto3";\n\nmessage A {}\n'}
    one = service_of(tmp_path / "one", {**files, "service.yaml": spec_text(protos="[a.proto, shop.proto]")})
    two = service_of(tmp_path / "two", {**files, "service.yaml": spec_text(protos="[shop.proto, a.proto]")})
    assert one == two
