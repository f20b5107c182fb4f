"""What checks let pass. What they find is pinned, one case per code, in tests/golden/diagnostics."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.compiler.projects import CART, PROTO, read_files, spec_text

from cloudstate.compiler import checks
from cloudstate.compiler.checks import deployment


def found_in(folder: Path, spec: str, **files: str) -> list[str]:
    spec_files = {"service.yaml": spec, "protos/shop.proto": files.pop("proto", PROTO)}
    result, findings = read_files(folder, {**spec_files, **files})
    assert findings == []
    return sorted({finding.code.name for finding in checks.check(result)})


def test_a_good_spec_has_no_findings(tmp_path: Path) -> None:
    assert found_in(tmp_path, spec_text()) == []


@pytest.mark.parametrize(
    "image",
    [
        "shop",
        "shop:1",
        "registry.example/shop",
        "localhost:5000/a/b_c/d.e:v1.2-rc1",
        f"registry.example/shop@sha256:{'0f' * 32}",
        f"registry.example/shop:1@sha256:{'0f' * 32}",
    ],
)
def test_names_of_images(tmp_path: Path, image: str) -> None:
    assert found_in(tmp_path, spec_text(more=f"  deploy: {{image: '{image}'}}\n")) == []


@pytest.mark.parametrize("image", ["Shop", "shop:", "shop@sha256:0f", "a//b", "/a", "-a", "shop:a:b", "a b"])
def test_what_is_no_image(tmp_path: Path, image: str) -> None:
    assert found_in(tmp_path, spec_text(more=f"  deploy: {{image: '{image}'}}\n")) == ["bad-image"]


@pytest.mark.parametrize("quantity", ["1", "0.5", "500m", "256Mi", "2G", "1Ei"])
def test_quantities(tmp_path: Path, quantity: str) -> None:
    assert found_in(tmp_path, spec_text(more=f"  deploy: {{resources: {{cpu: {quantity}}}}}\n")) == []


@pytest.mark.parametrize("quantity", ["0", "0Mi", "-1", "1MB", "1 Gi", ".5", "m", "1e3x"])
def test_what_is_no_quantity(tmp_path: Path, quantity: str) -> None:
    assert found_in(tmp_path, spec_text(more=f"  deploy: {{resources: {{cpu: '{quantity}'}}}}\n")) == ["bad-quantity"]


@pytest.mark.parametrize(
    ("name", "is_label", "is_subdomain"),
    [
        ("a", True, True),
        ("a-1", True, True),
        ("a.b", False, True),
        ("-a", False, False),
        ("a-", False, False),
        ("A", False, False),
        ("a" * 63, True, True),
        ("a" * 64, False, False),
        (".".join(["a" * 63] * 4), False, False),
    ],
)
def test_names_of_kubernetes(name: str, is_label: bool, is_subdomain: bool) -> None:
    assert (deployment.is_label(name), deployment.is_subdomain(name)) == (is_label, is_subdomain)


@pytest.mark.parametrize("kind", ["string", "int64", "bool", "bytes", "uint32"])
def test_key_types(tmp_path: Path, kind: str) -> None:
    assert found_in(tmp_path, spec_text(), proto=PROTO.replace("string id", f"{kind} id")) == []


def test_actions_need_no_keys_and_may_stream(tmp_path: Path) -> None:
    proto = PROTO.replace("GetCart(GetRequest)", "GetCart(stream Items)").replace("returns (", "returns (stream ")
    assert found_in(tmp_path, spec_text("    - {service: shop.Cart, model: action}\n"), proto=proto) == []


def test_stateless_services_may_have_replicas(tmp_path: Path) -> None:
    spec = spec_text("    - {service: shop.Cart, model: action}\n", more="  deploy: {replicas: 5, mesh: knative}\n")
    assert found_in(tmp_path, spec) == []


def test_one_replica_may_keep_a_file(tmp_path: Path) -> None:
    assert found_in(tmp_path, spec_text(more="  deploy: {replicas: 1, autoscale: {min: 1, max: 1}}\n")) == [
        "autoscale-and-replicas"
    ]


def test_a_file_is_used_if_a_used_file_imports_it(tmp_path: Path) -> None:
    proto = PROTO.replace("import ", 'import "more.proto";\nimport ', 1).replace("Items {}", "Items { More more = 1; }")
    spec = spec_text(protos="[shop.proto, more.proto]")
    more = 'syntax = "proto3";\n\npackage shop;\n\nmessage More {}\n'
    assert found_in(tmp_path, spec, proto=proto, **{"protos/more.proto": more}) == []


def test_imported_files_may_be_proto2(tmp_path: Path) -> None:
    proto = PROTO.replace("import ", 'import "old.proto";\nimport ', 1).replace("Items {}", "Items { Old old = 1; }")
    old = 'syntax = "proto2";\n\npackage shop;\n\nmessage Old {}\n'
    assert found_in(tmp_path, spec_text(), proto=proto, **{"protos/old.proto": old}) == []


def test_modules_beside_the_spec_clash_with_nothing_of_their_own(tmp_path: Path) -> None:
    assert found_in(tmp_path, spec_text(), **{"cart.py": "", "tests/__init__.py": "", "json.py": ""}) == []
    clash = {"shop_service.py": ""}
    assert found_in(tmp_path, spec_text(), **clash) == ["module-clash"]


def test_two_entities_of_one_name_need_classes_of_their_own(tmp_path: Path) -> None:
    other = PROTO.replace("package shop;", "package shop.two;")
    more = "    - {service: shop.two.Cart, model: value, type: two, state: shop.two.Items, class: two.Cart}\n"
    spec = spec_text(CART + more, protos="[shop.proto, two.proto]")
    assert found_in(tmp_path, spec, **{"protos/two.proto": other}) == []
