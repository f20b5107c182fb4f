"""The cases, and where their generated code is for those tests that run it or check it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.service_models import read_service

from cloudstate.compiler.backends import python
from cloudstate.compiler.model import Service

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


@pytest.fixture(scope="session")
def services() -> dict[str, Service]:
    """The model of every case."""
    return {case: read_service(FOLDER / case) for case in CASES}


@pytest.fixture(scope="session")
def generated(services: dict[str, Service], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder with the generated Python code of every case."""
    root = tmp_path_factory.mktemp("generated")
    for case, service in services.items():
        for path, content in python.emit(service).items():
            target = root / case / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return {case: root / case for case in services}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that takes a ``case`` for each of them."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES)
