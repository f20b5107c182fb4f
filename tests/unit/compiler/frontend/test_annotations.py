"""The state model said in the .proto file: alone, and together with the YAML."""

from __future__ import annotations

from pathlib import Path

from tests.unit.compiler.projects import PROTO, read_files, service_of, spec_text

from cloudstate.compiler.model import CommandEffect, Model

ANNOTATED = (
    PROTO.replace('import "cloudstate', 'import "cloudstate/annotations.proto";\nimport "cloudstate')
    .replace(
        "service Cart {",
        "service Cart {\n  option (cloudstate.entity) = {\n    model: MODEL_EVENT_SOURCED\n    type: 'cart'\n"
        '    state: "Items"\n    events: ["Added"]\n    snapshot_every: 0\n    passivation_ms: 5000\n'
        "    idempotency_window: 7\n"
        '    class: "carts.Cart"\n  };',
    )
    .replace(
        "returns (Items) {}",
        'returns (Items) {\n    option (cloudstate.command) = {effect: EFFECT_WRITE emits: "Added"};\n  }',
    )
)


def test_a_proto_alone_is_a_spec(tmp_path: Path) -> None:
    service = service_of(tmp_path, {"protos/deep/shopping_cart.proto": ANNOTATED}, "protos/deep/shopping_cart.proto")
    assert service.name == "shopping-cart"
    assert [file.path for file in service.files if file.generated] == ["deep/shopping_cart.proto"]
    (entity,) = service.entities
    assert (entity.model, entity.type, entity.implementation) == (Model.EVENT_SOURCED, "cart", "carts.Cart")
    assert (entity.snapshot_every, entity.passivation_ms, entity.idempotency_window) == (0, 5000, 7)
    assert entity.state is not None
    assert (entity.state.full_name, entity.events[0].full_name) == ("shop.Items", "shop.Added")
    (command,) = entity.commands
    assert command.effect is CommandEffect.WRITE
    assert [event.full_name for event in command.emits] == ["shop.Added"]


def test_options_complete_the_yaml(tmp_path: Path) -> None:
    files = {"service.yaml": spec_text(""), "protos/shop.proto": ANNOTATED}
    by_options = service_of(tmp_path / "one", files)
    entity = "    - {service: Cart, type: cart, state: shop.Items, commands: {GetCart: {emits: [Added]}}}\n"
    assert service_of(tmp_path / "two", {**files, "service.yaml": spec_text(entity)}) == by_options


def test_both_forms_give_the_same_model(tmp_path: Path) -> None:
    entity = (
        "    - service: shop.Cart\n      model: event-sourced\n      type: cart\n      class: carts.Cart\n"
        "      state: shop.Items\n      events: [shop.Added]\n      snapshot: {every: 0}\n      passivation: 5s\n"
        "      idempotency: {window: 7}\n"
        "      commands: {GetCart: {effect: write, emits: [Added]}}\n"
    )
    by_yaml = service_of(tmp_path / "one", {"service.yaml": spec_text(entity), "protos/shop.proto": PROTO})
    by_options = service_of(tmp_path / "two", {"service.yaml": spec_text(""), "protos/shop.proto": ANNOTATED})
    both = service_of(tmp_path / "three", {"service.yaml": spec_text(entity), "protos/shop.proto": ANNOTATED})
    assert by_options.entities == by_yaml.entities == both.entities


def test_a_conflict_names_both_places(tmp_path: Path) -> None:
    entity = "    - {service: shop.Cart, type: basket, state: shop.Added}\n"
    _, findings = read_files(tmp_path, {"service.yaml": spec_text(entity), "protos/shop.proto": ANNOTATED})
    assert [found.code.name for found in findings] == ["annotation-conflict"] * 2
    assert [[label.span.text for label in found.labels] for found in findings] == [
        ["basket", "cart"],
        ["shop.Added", "Items"],
    ]


def test_a_mistake_in_an_option_is_found_at_the_option(tmp_path: Path) -> None:
    proto = ANNOTATED.replace('"Items"', '"Itms"')
    _, findings = read_files(tmp_path, {"service.yaml": spec_text(""), "protos/shop.proto": proto})
    (found,) = findings
    assert found.code.name == "unknown-message"
    assert (found.span.source.name, found.span.text) == ("protos/shop.proto", "Itms")
    assert found.helps == ("did you mean `shop.Items`?",)
