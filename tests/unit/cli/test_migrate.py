"""``cloudstate migrate``: what it writes, what it leaves alone, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.unit.compiler.migration.documents import FIRST, SECOND, USE, service

from cloudstate.cli import main

PROTO = """\
syntax = "proto3";
package shop;
import "cloudstate/entity_key.proto";
import "google/protobuf/empty.proto";
message Item { string shop = 1 [(cloudstate.entity_key) = true]; }
message Items { repeated Item items = 1; }
service Shop { rpc Add(Item) returns (google.protobuf.Empty); }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with documents."""
    monkeypatch.chdir(tmp_path)
    Path("second.yaml").write_text(SECOND)
    Path("first.yaml").write_text(FIRST)
    Path("broken.yaml").write_text(service(USE))
    return tmp_path


def test_without_a_folder_it_prints_the_specs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "second.yaml", "first.yaml"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [it["metadata"]["name"] for it in printed] == ["cart", "shop"]


def test_it_writes_once_and_then_leaves_the_files_to_their_author(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "second.yaml", "--out", "specs"]) == 0
    assert main(["migrate", "second.yaml", "--out", "specs"]) == 0
    written = folder / "specs/shop/service.yaml"
    assert written.read_text().startswith("# yaml-language-server: $schema=spec.schema.json\n")
    assert '"CloudState spec"' in (folder / "specs/shop/spec.schema.json").read_text()
    written.write_text("mine")
    assert main(["migrate", "second.yaml", "first.yaml", "--out", "specs"]) == 1
    assert "error[CS5001]: `specs/shop/service.yaml` is in the way" in capsys.readouterr().err
    assert written.read_text() == "mine"
    assert not (folder / "specs/cart").exists()


def test_an_error_keeps_everything_from_being_written(folder: Path) -> None:
    assert main(["migrate", "first.yaml", "broken.yaml", "--out", "specs"]) == 1
    assert main(["migrate", "first.yaml", "missing.yaml", "--out", "specs"]) == 1
    assert main(["migrate", "first.yaml", "--out", "specs", "--strict"]) == 1
    assert not (folder / "specs").exists()


def test_a_folder_that_cannot_be_made_is_the_environments_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "second.yaml", "--out", "first.yaml"]) == 3
    assert "cannot write" in capsys.readouterr().err


def test_a_spec_that_its_author_completes_compiles(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    protos = folder / "specs/shop/protos"
    protos.mkdir(parents=True)
    (protos / "shop.proto").write_text(PROTO)
    assert main(["migrate", "second.yaml", "--out", "specs"]) == 0
    written = folder / "specs/shop/service.yaml"
    assert "protos:\n  - shop.proto\n" in written.read_text()
    entity = "entities:\n  - {service: shop.Shop, model: value, type: shop, state: shop.Items}\n"
    written.write_text(written.read_text().replace("entities: []\n", entity))
    assert main(["compile", "specs", "--out", "generated", "--ignore", "CS2014"]) == 0, capsys.readouterr().err
    assert "registry.example/shop:1.4.0" in (folder / "generated/shop/manifests/workload.yaml").read_text()
