"""Services with one feature each, for every target that can run them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from cloudstate.compiler.backends import kubernetes
from cloudstate.compiler.diagnostics import Sink
from cloudstate.compiler.driver import compile_spec
from cloudstate.compiler.inputs import find_inputs
from cloudstate.compiler.model import Model, Service
from cloudstate.compiler.output.file_set import FileSet

FOLDER = Path(__file__).parent
CASES = sorted(path.stem for path in (FOLDER / "cases").glob("*.yaml"))
TARGETS = ("none", "istio", "istio-ambient", "gateway-api", "knative")
_MESHES = ("istio", "istio-ambient")
#: What the goldens of the other cases are compared with.
BASES = ("action", "value")


@cache
def read(case: str) -> Service:
    """The service of a case, through the whole frontend and all checks."""
    spec = yaml.safe_load((FOLDER / "cases" / f"{case}.yaml").read_text())
    name = spec.pop("name", "shop")
    if "jwt" in spec.get("deploy", {}):
        spec["deploy"]["mesh"] = _MESHES[0]
    document = {"apiVersion": "cloudstate.io/v1", "kind": "StatefulService", "metadata": {"name": name}}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(FOLDER / "protos", Path(folder) / "protos")
        path = Path(folder) / "service.yaml"
        path.write_text(yaml.safe_dump({**document, "spec": {"protos": ["shop.proto"], **spec}}))
        [given], _ = find_inputs([str(path)])
        sink = Sink()
        _, service = compile_spec(given, sink)
    assert service is not None, sink.sorted()
    return replace(service, digest="0123456789abcdef")


def is_stateless(service: Service) -> bool:
    return all(entity.model is Model.ACTION for entity in service.entities)


def for_target(case: str, target: str) -> Service:
    service = read(case)
    return replace(service, deployment=replace(service.deployment, mesh=target))


def files_of(case: str, target: str) -> FileSet:
    return kubernetes.emit(for_target(case, target))


@cache
def pairs() -> tuple[tuple[str, str], ...]:
    """Every case with every target that applies: Knative runs actions only, and without a proxy; tokens need a mesh."""
    return tuple((case, target) for case in CASES for target in TARGETS if _applies(case, target))


def _applies(case: str, target: str) -> bool:
    text = yaml.safe_load((FOLDER / "cases" / f"{case}.yaml").read_text())
    is_action = all(entity["model"] == "action" for entity in text["entities"]) and text.get("placement") != "sidecar"
    has_tokens = "jwt" in text.get("deploy", {})
    return (target != "knative" or is_action) and (target in _MESHES or not has_tokens)
