"""What the manifests of a service with one feature are, and that every judge takes them. Refresh with ``make golden``.

A golden shows the files in which the case differs from the plainest service of its kind on the same target.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from tests.golden.manifests.cases import BASES, files_of, is_stateless, pairs, read
from tests.golden.manifests.judges import client_objections, crd_objections, schema_objections

KUBECTL = Path(sys.executable).parent / "kubectl"
IDS = [f"{case}--{target}" for case, target in pairs()]
each = pytest.mark.parametrize(("case", "target"), pairs(), ids=IDS)


class TextFile(SingleFileSnapshotExtension):
    """One readable file for each case and target."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def objects_of(case: str, target: str) -> list[dict[str, object]]:
    files = files_of(case, target)
    return [
        yaml.safe_load(content)
        for path, content in files.items()
        if path.endswith(".yaml") and "kustomization" not in path
    ]


def test_there_are_sixty_cases() -> None:
    assert len({case for case, _ in pairs()}) >= 60


@each
def test_golden(case: str, target: str, snapshot: SnapshotAssertion) -> None:
    files = files_of(case, target)
    base = files_of("action" if is_stateless(read(case)) else "value", target) if case not in BASES else {}
    told = [f"==== {path}\n{content.decode()}" for path, content in files.items() if base.get(path) != content]
    told += [f"==== {path} is not there\n" for path in base if path not in files]
    assert "\n".join(told) == snapshot(extension_class=TextFile)


@each
def test_schemas_of_kubernetes(case: str, target: str) -> None:
    minor = read(case).deployment.kubernetes
    for manifest in objects_of(case, target):
        for version in sorted({minor, "1.37"}):
            assert schema_objections(manifest, version) == []


@each
def test_schemas_and_rules_of_meshes(case: str, target: str) -> None:
    for manifest in objects_of(case, target):
        assert crd_objections(manifest) == []


@each
def test_the_official_client(case: str, target: str) -> None:
    for manifest in objects_of(case, target):
        assert client_objections(manifest) == []


@each
def test_kustomize(case: str, target: str, tmp_path: Path) -> None:
    for path, content in files_of(case, target).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    built = subprocess.run([KUBECTL, "kustomize", tmp_path / "manifests"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    key = lambda it: (it["kind"], it["metadata"]["name"])  # noqa: E731
    assert sorted(yaml.safe_load_all(built.stdout), key=key) == sorted(objects_of(case, target), key=key)
