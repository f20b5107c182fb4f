"""``cloudstate init``: what editors find in a new project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from cloudstate.cli import main
from cloudstate.compiler.scaffold import MODELS


@pytest.mark.parametrize("model", MODELS)
def test_the_schema_that_the_spec_names_lies_beside_it_and_takes_it(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "shop", "--dir", str(tmp_path), "--model", model]) == 0
    spec = (tmp_path / "shop/service.yaml").read_text()
    first = spec.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    written = (tmp_path / "shop" / first.partition("=")[2]).read_text()
    Draft202012Validator.check_schema(json.loads(written))
    validator = Draft202012Validator(json.loads(written))
    assert list(validator.iter_errors(yaml.safe_load(spec))) == []
    assert list(validator.iter_errors(yaml.safe_load(spec.replace("placement", "place")))) != []
    capsys.readouterr()
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == written
