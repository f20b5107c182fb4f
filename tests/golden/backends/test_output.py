"""What the backends write for small specs with one feature each. After ``make golden``, read the difference."""

from __future__ import annotations

import json

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from cloudstate.compiler.backends import description, kubernetes, python
from cloudstate.compiler.model import Service
from cloudstate.compiler.output.file_set import FileSet


class TextFile(SingleFileSnapshotExtension):
    """One readable file for each case."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


def shown(files: FileSet, *, but: tuple[str, ...] = ()) -> str:
    """All files in one text, without those whose name ends in one of ``but``."""
    kept = {path: content.decode() for path, content in files.items() if not path.endswith(but)}
    return "\n".join(f"==== {path}\n{content}" for path, content in kept.items())


def test_there_are_cases(services: dict[str, Service]) -> None:
    assert len(services) >= 15


def test_python(case: str, services: dict[str, Service], golden: SnapshotAssertion) -> None:
    # What protoc wrote is protoc's to decide, but for the stubs, which are mended.
    assert shown(python.emit(services[case]), but=("_pb2.py", "py.typed")) == golden


def test_manifests(case: str, services: dict[str, Service], golden: SnapshotAssertion) -> None:
    files = kubernetes.emit(services[case])
    assert shown(files, but=("Dockerfile", ".dockerignore")) == golden


def test_description(case: str, services: dict[str, Service], golden: SnapshotAssertion) -> None:
    files = description.emit(services[case])
    assert files["service.binpb"] == services[case].descriptors
    assert files["service.json"].decode() == golden
    canonical = json.dumps(json.loads(files["service.json"]), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert files["service.json"].decode() == canonical


def test_manifests_say_what_was_built(case: str, services: dict[str, Service]) -> None:
    files = kubernetes.emit(services[case])
    objects = kubernetes.manifests(services[case])
    built = {path.removeprefix("manifests/").removesuffix(".yaml") for path in files if path.startswith("manifests/")}
    assert built == {*objects, "kustomization"}
    for name, manifest in objects.items():
        assert yaml.safe_load(files[f"manifests/{name}.yaml"]) == manifest


def test_the_kustomization_lists_all(case: str, services: dict[str, Service]) -> None:
    files = kubernetes.emit(services[case])
    listed = yaml.safe_load(files["manifests/kustomization.yaml"])["resources"]
    built = {path for path in files if path.startswith("manifests/")}
    assert {f"manifests/{name}" for name in listed} == built - {"manifests/kustomization.yaml"}
