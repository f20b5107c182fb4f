"""Specs that come after others in a process get the descriptors that they would get alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.compiler.projects import PROTO

from cloudstate.compiler.frontend import protos
from cloudstate.compiler.frontend.files import ProtoRoot
from cloudstate.compiler.frontend.known_protos import KnownProtos

HTTP = 'import "google/api/annotations.proto";\nimport "google/protobuf/timestamp.proto";\n'
PROTOS = {
    "plain": 'syntax = "proto3";\nmessage Plain {}\n',
    "key": PROTO,
    "more": PROTO.replace("\nimport", f"\n{HTTP}import", 1).replace(
        "message Items {}", "message Items { google.protobuf.Timestamp at = 1; }"
    ),
    "mistaken": PROTO.replace("message Added", "mesage Added"),
    "lost": PROTO.replace("entity_key.proto", "entity_kex.proto"),
    "type of nobody": 'syntax = "proto3";\nimport "google/type/nothing.proto";\n',
}
ORDERS = (tuple(PROTOS), tuple(reversed(PROTOS)), ("more", "key", "mistaken", "more", "plain", "lost", "key"))


def result(folder: Path) -> tuple[bytes, list[str]]:
    """The descriptors without the positions in files of installed packages, which nobody reads, and the findings."""
    descriptors, findings = protos.compile_protos(ProtoRoot(folder, "protos"), ["shop.proto"])
    for file in descriptors.file:
        if file.name != "shop.proto":
            file.ClearField("source_code_info")
    return descriptors.SerializeToString(deterministic=True), [found.message for found in findings]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_the_same_after_others(order: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in PROTOS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.proto").write_text(text)
    alone = {}
    for name in PROTOS:
        monkeypatch.setattr(protos, "_known", KnownProtos())
        alone[name] = result(tmp_path / name)
    monkeypatch.setattr(protos, "_known", KnownProtos())
    for name in order:
        assert result(tmp_path / name) == alone[name], name


def test_a_copy_of_an_installed_file_stays_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "cloudstate" / "entity_key.proto"
    (tmp_path / "shop.proto").write_text(PROTO)
    monkeypatch.setattr(protos, "_known", KnownProtos())
    first = result(tmp_path)
    copy.parent.mkdir()
    copy.write_text('syntax = "proto3";\npackage cloudstate;\n')
    assert result(tmp_path) == first


def test_later_runs_are_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.proto").write_text(PROTO)
    monkeypatch.setattr(protos, "_known", KnownProtos())
    first = result(tmp_path)

    def slow(*_: object) -> str:
        raise AssertionError("the folders of the packages are not needed any more")

    monkeypatch.setattr(protos, "_run", slow)
    assert result(tmp_path) == first
