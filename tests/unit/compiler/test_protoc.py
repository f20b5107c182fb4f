"""protoc's process: it answers again and again, in order, and is replaced when it dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cloudstate.compiler import protoc
from cloudstate.compiler.protoc import process

GOOD = 'syntax = "proto3"; message Good {}'
ARGUMENTS = ["-I.", "--descriptor_set_out=out"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.proto").write_text(GOOD)
    (tmp_path / "bad.proto").write_text(f"{GOOD} oops")
    return tmp_path


def test_one_process_answers_again_and_again(folder: Path) -> None:
    assert protoc.run([*ARGUMENTS, "good.proto"], folder) == (0, "")
    assert (folder / "out").read_bytes()
    first = process._server
    code, told = protoc.run([*ARGUMENTS, "bad.proto"], folder)
    assert code != 0
    assert "bad.proto:1:36: " in told
    assert protoc.run([*ARGUMENTS, "good.proto"], folder) == (0, "")
    assert process._server is first


def test_answers_find_who_asked(folder: Path) -> None:
    bad = protoc.start([*ARGUMENTS, "bad.proto"], folder)
    good = protoc.start([*ARGUMENTS, "good.proto"], folder)
    assert good.result() == (0, "")
    assert "bad.proto" in bad.result().told
    assert bad.result() is bad.result()


def test_a_dead_process_is_replaced(folder: Path) -> None:
    assert protoc.run([*ARGUMENTS, "good.proto"], folder).code == 0
    assert process._server is not None
    os.kill(process._server._process.pid, signal.SIGSTOP)
    stuck = protoc.start([*ARGUMENTS, "good.proto"], folder)
    os.kill(process._server._process.pid, signal.SIGKILL)
    assert stuck.result().code == -signal.SIGKILL
    assert protoc.run([*ARGUMENTS, "good.proto"], folder) == (0, "")


def test_an_answer_that_nobody_waited_for_is_nobody_elses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cloudstate.compiler.protoc.process.marshal.load", interrupted)
        with pytest.raises(KeyboardInterrupt):
            protoc.run([*ARGUMENTS, "bad.proto"], folder)
    assert protoc.run([*ARGUMENTS, "good.proto"], folder) == (0, "")


def test_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "good.proto").write_text(GOOD)
    assert protoc.run([*ARGUMENTS, "good.proto"], folder) == (0, "")
