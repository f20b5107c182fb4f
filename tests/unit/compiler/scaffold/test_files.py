"""Files are written once: all or none, and never over something."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold import MODELS, BadName, ScaffoldRefused, add_entity, plan_project, write_new


def contents(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def make_project(root: Path, name: str = "shop", model: Model = Model.EVENT_SOURCED) -> Path:
    write_new({root / path: text for path, text in plan_project(name, model, "{}\n").items()})
    return root / "service.yaml"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["shop", "my-shop", "platform"])
def test_a_project_is_well_formed(name: str, model: Model) -> None:
    files = plan_project(name, model, "{}\n")
    spec = yaml.safe_load(files["service.yaml"])
    assert files["service.yaml"].startswith("# yaml-language-server: $schema=spec.schema.json\n")
    assert files["spec.schema.json"] == "{}\n"
    assert spec["metadata"]["name"] == name
    [entity], [proto] = spec["spec"]["entities"], spec["spec"]["protos"]
    assert entity["model"] == model.value
    module, _, class_ = entity["class"].partition(".")
    assert f"class {class_}(" in files[f"{module}.py"]
    assert f"service {class_} {{" in files[f"protos/{proto}"]
    assert tomllib.loads(files["pyproject.toml"])["project"]["name"] == name
    for path, text in files.items():
        if path.endswith(".py"):
            compile(text, path, "exec")
        assert "{{" not in text
        assert text.endswith("\n")


def test_nothing_is_written_if_one_file_exists(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ScaffoldRefused, match=r"README\.md` exists already"):
        make_project(tmp_path)
    assert contents(tmp_path) == {"README.md": "mine"}


def test_an_added_entity_is_in_files_of_its_own_and_in_the_spec(tmp_path: Path) -> None:
    spec = make_project(tmp_path)
    before = contents(tmp_path)
    written = add_entity(spec, "PurchaseOrder", Model.VALUE)
    after = contents(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in written} == after.keys() - before.keys()
    assert {path for path in before if before[path] != after[path]} == {"service.yaml"}
    document = yaml.safe_load(after["service.yaml"])["spec"]
    assert document["protos"] == ["shop/v1/shop.proto", "shop/v1/purchase_order.proto"]
    assert [it["class"] for it in document["entities"]] == ["shop_entity.Shop", "purchase_order_entity.PurchaseOrder"]


def test_without_a_folder_for_protos_they_stand_beside_the_spec(tmp_path: Path) -> None:
    spec = tmp_path / "service.yaml"
    spec.write_text("metadata: {name: shop}\nspec: {protos: [], entities: []}\n")
    add_entity(spec, "order", Model.ACTION)
    assert (tmp_path / "shop/v1/order.proto").exists()
    assert not (tmp_path / "protos").exists()


def test_an_entity_is_not_added_over_something(tmp_path: Path) -> None:
    spec = make_project(tmp_path)
    (tmp_path / "order_entity.py").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(ScaffoldRefused, match=r"order_entity\.py` exists already"):
        add_entity(spec, "Order", Model.VALUE)
    assert contents(tmp_path) == before


def test_an_entity_is_added_once(tmp_path: Path) -> None:
    spec = make_project(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ScaffoldRefused, match=r"already has an entity `shop\.v1\.Shop`"):
        add_entity(spec, "shop", Model.ACTION)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("text", ["", "metadata: {}\nspec: {entities: []}\n", "metadata: {name: No Name}\n"])
def test_a_spec_without_a_name_is_refused(tmp_path: Path, text: str) -> None:
    spec = tmp_path / "service.yaml"
    spec.write_text(text)
    with pytest.raises(ScaffoldRefused, match=r"metadata\.name"):
        add_entity(spec, "Order", Model.VALUE)


def test_a_missing_spec_is_refused_with_help(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldRefused, match="cannot read") as refused:
        add_entity(tmp_path / "service.yaml", "Order", Model.VALUE)
    assert "cloudstate init" in refused.value.help


def test_a_bad_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadName):
        add_entity(tmp_path / "service.yaml", "no_way", Model.VALUE)
