"""Many services are written beside each other; what is found comes in their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.unit.compiler.projects import PROTO, spec_text, write_files

from cloudstate.compiler.driver import compile_specs, write_all


def test_many_services(tmp_path: Path) -> None:
    write_files(tmp_path, {"service.yaml": spec_text(), "shop.proto": PROTO})
    [one] = compile_specs([str(tmp_path)]).compiled
    many = [replace(one, folder=tmp_path / "out" / str(number)) for number in range(12)]
    write_files(tmp_path / "out", {"3/service.json": "not ours", "7/service.json": "nor this"})
    names = [found.message.partition("`: ")[0].rpartition("/")[2] for found in write_all(many)]
    assert names == ["3", "7"]
    for service in many:
        written = (service.folder / "service.json").read_bytes()
        assert (written == service.files["service.json"]) == (service.folder.name not in names)
    assert write_all([many[3]]) == write_all(many)[:1]
