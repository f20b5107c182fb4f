"""A project with 39 mistakes: all are told at once, in order, each at its place, and nothing is written."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cloudstate.cli import main

MISTAKES = Path(__file__).parent / "mistakes"

EXPECTED = """\
protos/shop/shop.proto:9:47 CS3103
protos/shop/shop.proto:9:65 CS3106
protos/shop/shop.proto:11:7 CS3001
protos/shop/shop.proto:13:48 CS3102
protos/shop/shop.proto:38:26 CS3002
service.yaml:1:13 CS1008
service.yaml:2:7 CS1009
service.yaml:3:18 CS2009
service.yaml:3:26 CS1005
service.yaml:6:3 CS1005
service.yaml:10:13 CS3016
service.yaml:12:14 CS2003
service.yaml:13:28 CS3009
service.yaml:13:40 CS2003
service.yaml:14:25 CS1013
service.yaml:15:20 CS1012
service.yaml:17:23 CS3011
service.yaml:18:9 CS2004
service.yaml:19:26 CS1010
service.yaml:20:23 CS2006
service.yaml:21:16 CS2002
service.yaml:24:14 CS1011
service.yaml:26:16 CS3006
service.yaml:29:7 CS3008
service.yaml:30:16 CS3007
service.yaml:32:13 CS3005
service.yaml:34:20 CS3012
service.yaml:35:25 CS1006
service.yaml:39:13 CS1010
service.yaml:41:11 CS1013
service.yaml:42:17 CS4008
service.yaml:44:12 CS4003
service.yaml:45:15 CS4006
service.yaml:46:22 CS4002
service.yaml:46:38 CS1013
service.yaml:47:11 CS1010
service.yaml:48:15 CS4007
service.yaml:49:22 CS4004
service.yaml:49:36 CS4004
"""

_FINDING = re.compile(r"^(?:error|warning)\[(CS\d+)\]: .+\n +--> (\S+)\n", re.M)


def test_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(MISTAKES, tmp_path, dirs_exist_ok=True)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    assert main(["compile", "."]) == 1
    told = capsys.readouterr().err
    assert "".join(f"{place} {code}\n" for code, place in _FINDING.findall(told)) == EXPECTED
    assert sorted(tmp_path.rglob("*")) == before
    assert told.endswith("38 errors, 1 warning\n")


def test_each_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(MISTAKES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    main(["compile", "."])
    findings = re.split(r"\n\n(?=error|warning)", capsys.readouterr().err)
    assert len(findings) == 39
    assert [finding for finding in findings if "help: " not in finding] == []
