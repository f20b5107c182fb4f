"""Every import contract of pyproject.toml can fail: a forbidden import planted in a copy of the code breaks it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = ("compiler", "runtime", "cli", "generated")

RUNTIME = "runtime/cloudstate/runtime"
COMPILER = "compiler/cloudstate/compiler"

#: contract: (file to plant, what it says)
PLANTS = [
    ("halves", f"{COMPILER}/model/planted.py", "import cloudstate.runtime.errors"),
    ("halves", f"{RUNTIME}/entity/planted.py", "import cloudstate.compiler.model"),
    ("runtime-floors", f"{RUNTIME}/entity/planted.py", "import cloudstate.runtime.host"),
    ("runtime-floors", f"{RUNTIME}/journal/planted.py", "import cloudstate.runtime.entity"),
    ("runtime-floors", f"{RUNTIME}/utils/__init__.py", ""),
    ("compiler-floors", f"{COMPILER}/model/planted.py", "import cloudstate.compiler.backends"),
    ("compiler-floors", f"{COMPILER}/utils/__init__.py", ""),
    ("sans-io", f"{RUNTIME}/entity/planted.py", "import asyncio"),
    ("sans-io", f"{RUNTIME}/transport/wire/planted.py", "import time"),
    ("replication-core", f"{RUNTIME}/replication/core.py", "import asyncio"),
    ("sqlite", f"{RUNTIME}/host/planted.py", "import sqlite3"),
    ("sqlite", f"{RUNTIME}/journal/planted.py", "import sqlite3"),
    ("postgresql", f"{RUNTIME}/journal/planted.py", "import asyncpg"),
    ("nats", f"{RUNTIME}/journal/planted.py", "import nats"),
    ("nats", f"{RUNTIME}/cluster/planted.py", "import nats"),
    ("kubernetes", f"{COMPILER}/cluster/planted.py", "import kubernetes.client"),
    ("cluster-core", f"{COMPILER}/cluster/plan.py", "import time"),
    ("telemetry", f"{RUNTIME}/host/planted.py", "import opentelemetry.trace"),
    ("http-engines", f"{RUNTIME}/host/planted.py", "import ngh2"),
    ("http-engines", f"{RUNTIME}/proxy/planted.py", "import httptools"),
    ("no-grpcio", f"{RUNTIME}/transport/planted.py", "import grpc"),
    ("bytes", f"{RUNTIME}/journal/planted.py", "import google.protobuf.message"),
    ("bytes", f"{RUNTIME}/entity/planted.py", "from google.protobuf import any_pb2"),
]

#: Runs lint-imports on the copy alone: -S keeps the editable installation of the repository off the path.
LINT = """
import sys
sys.path[:0] = {path!r}
from importlinter.cli import lint_imports_command
lint_imports_command({arguments!r})
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("copy")
    for root in ROOTS:
        shutil.copytree(
            ROOT / root / "cloudstate", target / root / "cloudstate", ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def lint(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = [str(copy / root) for root in ROOTS] + [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    script = LINT.format(path=path, arguments=["--no-cache", *arguments])
    return subprocess.run([sys.executable, "-S", "-c", script], cwd=copy, capture_output=True, text=True, check=False)


def test_the_code_keeps_every_contract(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("contract", "file", "statement"), PLANTS)
def test_a_planted_import_breaks_the_contract(copy: Path, contract: str, file: str, statement: str) -> None:
    planted = copy / file
    planted.parent.mkdir(exist_ok=True)
    before = planted.read_bytes() if planted.exists() else None
    planted.write_text(statement)
    try:
        result = lint(copy, "--contract", contract)
    finally:
        planted.unlink()
        if before is not None:
            planted.write_bytes(before)
        if not any(planted.parent.iterdir()):
            planted.parent.rmdir()
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


def test_every_contract_has_a_plant() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {contract["id"] for contract in configuration["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for contract, _, _ in PLANTS}
