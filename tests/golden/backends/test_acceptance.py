"""The generated code as its users' tools see it: formatter, linter and type checker are content, Python runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloudstate.compiler.model import Service

ROOT = Path(__file__).parents[3]
PACKAGES = os.pathsep.join(str(ROOT / root) for root in ("compiler", "runtime", "generated"))


def checked(*command: str | Path, **environment: str) -> str:
    """Run a tool; its output, once it has succeeded."""
    result = subprocess.run(
        [sys.executable, "-m", *map(str, command)], capture_output=True, text=True, env=os.environ | environment
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def packages(generated: dict[str, Path], services: dict[str, Service]) -> list[Path]:
    return [folder / services[case].package for case, folder in generated.items()]


def test_ruff_would_format_nothing(packages: list[Path]) -> None:
    checked("ruff", "format", "--isolated", "--no-cache", "--check", *packages)


def test_ruff_finds_nothing(packages: list[Path]) -> None:
    checked("ruff", "check", "--isolated", "--no-cache", *packages)


def test_mypy_finds_nothing(generated: dict[str, Path], tmp_path: Path) -> None:
    """All cases in one run, which is much faster; so no two of them may have a module of the same name."""
    options = [
        "--strict",
        "--namespace-packages",
        "--explicit-package-bases",
        "--config-file=",
        f"--cache-dir={tmp_path}",
    ]
    roots = os.pathsep.join((*map(str, generated.values()), PACKAGES))
    checked("mypy", *options, *generated.values(), MYPYPATH=roots)


def test_it_can_be_imported_and_only_the_client_loads_grpcio(
    case: str, generated: dict[str, Path], services: dict[str, Service]
) -> None:
    package = services[case].package
    clients = re.findall(r"^class ([A-Z]\w+)", (generated[case] / package / "client.py").read_text(), re.MULTILINE)
    assert clients
    names = ", ".join(f"{package}.{name}" for name in clients)
    program = f"import sys, {package}; assert 'grpc' not in sys.modules; {names}; assert 'grpc' in sys.modules"
    environment = os.environ | {"PYTHONPATH": str(generated[case])}
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, env=environment)


def test_every_process_writes_the_same_bytes() -> None:
    program = (
        "from cloudstate.compiler.backends import description, kubernetes, python\n"
        "from tests.golden.backends.conftest import FOLDER\n"
        "from tests.service_models import read_service\n"
        "for case in ('several-services', 'keyword-names', 'autoscale'):\n"
        "    service = read_service(FOLDER / case)\n"
        "    print(*(backend.emit(service).digest for backend in (description, kubernetes, python)))\n"
    )
    outputs = set()
    for seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=environment)
        outputs.add(result.stdout)
    assert len(outputs) == 1
    assert outputs.pop().strip()
