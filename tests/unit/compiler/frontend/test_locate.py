"""Which specs a command line means, and where their output goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.compiler.projects import write_files

from cloudstate.compiler.inputs import find_inputs, output_folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(tmp_path, {"specs/b/service.yaml": "", "specs/a/service.yaml": "", "specs/c/notes.txt": ""})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["specs"], ["specs/a/service.yaml", "specs/b/service.yaml"]),
        (["specs/b"], ["specs/b/service.yaml"]),
        (["specs/b/"], ["specs/b/service.yaml"]),
        (["specs/b/service.yaml"], ["specs/b/service.yaml"]),
        (["specs/b", "specs"], ["specs/b/service.yaml", "specs/a/service.yaml"]),
    ],
)
def test_specs_are_found_once(here: Path, paths: list[str], expected: list[str]) -> None:
    inputs, findings = find_inputs(paths)
    assert [given.shown for given in inputs] == expected
    assert findings == ()


@pytest.mark.parametrize("path", ["nothing", "nothing.yaml", "specs/c", "specs/c/notes.txt"])
def test_what_is_no_spec_is_a_finding(here: Path, path: str) -> None:
    inputs, (found,) = find_inputs([path])
    assert inputs == ()
    assert found.code.name == "spec-not-found"
    assert found.helps


def test_paths_outside_are_shown_in_full(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here / "specs" / "a")
    (given,), _ = find_inputs(["../b"])
    assert given.shown == (here / "specs/b/service.yaml").as_posix()
    (given,), _ = find_inputs(["."])
    assert given.shown == "service.yaml"


def test_output_goes_to_the_project(here: Path) -> None:
    (given,), _ = find_inputs(["specs/a"])
    assert output_folder(given) == here / "specs/a/generated"
    write_files(here, {"pyproject.toml": ""})
    assert output_folder(given) == here / "generated"


def test_a_proto_belongs_to_the_folder_around_protos(here: Path) -> None:
    write_files(here, {"specs/d/protos/x/y.proto": "", "loose.proto": ""})
    (deep, loose), _ = find_inputs(["specs/d/protos/x/y.proto", "loose.proto"])
    assert deep.folder() == (here / "specs/d", "specs/d")
    assert loose.folder() == (here, "")
