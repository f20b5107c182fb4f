"""``cloudstate lint`` as people use it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from cloudstate.cli import main

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: grpc, port: 9000}]}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {URL: 'nats://shop:hunter2@nats.example'}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["lint", *words])
    printed = capsys.readouterr()
    return code, printed.err + printed.out


def test_what_is_right_is_said_to_be_right(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "service.yaml").write_text(SERVICE.replace("port: 9000", "port: 9000, appProtocol: grpc"))
    assert lint(capsys, "service.yaml") == (0, "1 objects: nothing to object to\n")


def test_warnings_fail_where_they_must_not_be(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "service.yaml").write_text(SERVICE)
    code, text = lint(capsys, "service.yaml")
    assert (code, "warning[K8S121]" in text) == (0, True)
    assert lint(capsys, "service.yaml", "--strict")[0] == 1
    assert lint(capsys, "service.yaml", "--strict", "--ignore", "protocol-unsaid")[0] == 0
    assert lint(capsys, "service.yaml", "--strict", "--select", "IST,K8S11")[0] == 0
    assert lint(capsys, "service.yaml", "--strict", "--select", "k8s12")[0] == 1


def test_errors_can_be_ignored_because_nothing_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "config.yaml").write_text(CONFIG)
    assert lint(capsys, "config.yaml", "--ignore", "secret-in-plain")[0] == 0
    with pytest.raises(SystemExit, match="2"):
        main(["lint", "config.yaml", "--ignore", "K8S999"])
    with pytest.raises(SystemExit, match="2"):
        main(["check", ".", "--ignore", "K8S170"])


def test_all_files_of_folders_are_one_set(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a/one.yaml", "a/b/two.yml"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(SERVICE)
    (here / "a" / "notes.txt").write_text("no: [manifest")
    code, text = lint(capsys, "a", "--select", "K8S103")
    assert (code, text.count("error[K8S103]")) == (1, 1)
    assert " --> a/one.yaml:3:18" in text
    assert " ::: a/b/two.yml:3:18" in text


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"---\n{SERVICE}---\n{SERVICE}".encode())))
    code, text = lint(capsys, "-")
    assert (code, "standard input:9:18" in text) == (1, True)


@pytest.mark.parametrize("format_", ["text", "json", "github", "sarif"])
def test_no_format_shows_a_credential(format_: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "config.yaml").write_text(CONFIG)
    code, text = lint(capsys, "config.yaml", "--format", format_)
    assert (code, "K8S170" in text, "hunter2" in text) == (1, True, False)


def test_what_is_applied_is_compared(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "old.yaml").write_text(SERVICE)
    (here / "new.yaml").write_text(SERVICE.replace("{selector", "{clusterIP: None, selector"))
    code, text = lint(capsys, "new.yaml", "--against", "old.yaml", "--format", "json", "--select", "immutable-field")
    assert (code, [it["code"] for it in json.loads(text)["diagnostics"]]) == (1, ["K8S111"])


def test_files_that_cannot_be_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "latin.yaml").write_bytes(b"a: \xe9")
    (here / "broken.yaml").write_text("a: [")
    (here / "twice.yaml").write_text("a: 1\na: 2\n")
    (here / "empty.yaml").write_text("")
    code, text = lint(capsys, "latin.yaml", "broken.yaml", "twice.yaml", "empty.yaml", "missing.yaml")
    assert code == 1
    told = ("CS0002", "CS0003", "CS1001", "CS1002")
    assert [text.count(f"error[{it}]") for it in told] == [1, 1, 1, 1]


@pytest.mark.parametrize("version", ["1.28", "1.38", "30", "latest"])
def test_versions_that_nobody_knows(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["lint", ".", "--target-k8s", version])
    assert f"`{version}` is none of 1.29 to 1.37" in capsys.readouterr().err
