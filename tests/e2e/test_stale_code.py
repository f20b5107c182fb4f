"""A spec that has changed since it was compiled: whoever serves it at a terminal is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest
from tests.processes import PATIENCE

from cloudstate.cli import main
from cloudstate.cli.staleness import is_stale

WARNING = b"what is served is not what the spec says now; run `cloudstate compile .`"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, compiled, then with another field in one of its messages."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "shop"]) == 0
    monkeypatch.chdir(tmp_path / "shop")
    assert main(["compile", "."]) == 0
    assert not is_stale(Path(), None)
    proto = tmp_path / "shop" / "protos" / "shop" / "v1" / "shop.proto"
    proto.write_text(proto.read_text().replace("int64 amount = 2;", "int64 amount = 2;\n  string note = 3;"))
    return tmp_path / "shop"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_people_are_told(shop: Path) -> None:
    assert is_stale(shop, None)
    reading, terminal = os.openpty()
    arguments = [sys.executable, "-m", "cloudstate.cli", "run", ".", "--port", "0", "--journal", "memory:"]
    process = subprocess.Popen(arguments, cwd=shop, stdout=subprocess.DEVNULL, stderr=terminal)
    watchdog = Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        os.close(terminal)
        heard = b""
        while WARNING not in heard:
            heard += os.read(reading, 4096)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        os.close(reading)
