"""The same bytes everywhere: hash seeds, orders of files, folders, time zones, locales, and another Python.

``CLOUDSTATE_OTHER_PYTHON`` names the interpreter of another version. It needs the packages that the compiler needs
(protobuf, pydantic, pyyaml, jinja2, grpcio-tools, googleapis-common-protos), in the versions that are installed here:
other versions of protoc may write other files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from itertools import product
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests/golden/backends/cases"
SERVICES = (
    *(ROOT / "specs" / name for name in ("shopping-cart", "presence", "wallet")),
    *(CASES / name for name in ("autoscale", "crdt-types", "keyword-names", "mesh-callers", "public-import")),
    *(CASES / name for name in ("several-services", "sidecar-jetstream", "upcasters")),
)
SEEDS = 20
#: Each seed gets one of these, so that every zone meets every locale.
PLACES = tuple(
    product(
        ("UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"),
        ("C", "C.UTF-8", "tr_TR.UTF-8", "de_DE.ISO-8859-1", "ja_JP.eucJP"),
    )
)
FOLDERS = ("x", "a b", "ünïcode", "deep/er/still", "specs")
SOURCES = ("compiler", "cli", "runtime", "generated", "protocols")
OTHER = "CLOUDSTATE_OTHER_PYTHON"


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an interpreter that we are not installed in finds our version."""
    folder = tmp_path_factory.mktemp("metadata")
    (folder / "cloudstate_py-0.dist-info").mkdir()
    version = distribution("cloudstate-py").version
    text = f"Metadata-Version: 2.1\nName: cloudstate-py\nVersion: {version}\n"
    (folder / "cloudstate_py-0.dist-info" / "METADATA").write_text(text)
    return folder


@pytest.fixture(scope="module")
def expected(metadata: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest that all others must be."""
    return digest(sys.executable, 0, tmp_path_factory.mktemp("first"), metadata)


def files_of(service: Path) -> Iterator[Path]:
    """What the compiler may read of a service."""
    yield from (file for file in service.rglob("*") if file.suffix in (".yaml", ".proto"))
    yield from service.glob("*.py")


def shuffled_copy(random: Random, target: Path) -> None:
    """The specs, written file by file in any order: folders then list them in another one."""
    files = [(service, file) for service in SERVICES for file in sorted(files_of(service))]
    random.shuffle(files)
    for service, file in files:
        copy = target / service.name / file.relative_to(service)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def digest(python: str, seed: int, folder: Path, metadata: Path) -> str:
    """Compile in a process of its own; a digest of all names and contents that it writes."""
    random = Random(seed)
    specs = folder / FOLDERS[seed % len(FOLDERS)] / "specs"
    shuffled_copy(random, specs)
    (specs.parent / "pyproject.toml").write_text("")
    names = [service.name for service in SERVICES]
    random.shuffle(names)
    zone, locale = PLACES[seed % len(PLACES)]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([*(str(ROOT / source) for source in SOURCES), str(metadata)]),
        "PYTHONHASHSEED": str(seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": zone,
        "LC_ALL": locale,
    }
    # By paths from here and from the root, by name and as a folder of folders.
    given = (["specs"], [f"specs/{name}" for name in names], [str(specs / name) for name in names])[seed % 3]
    command = [python, "-m", "cloudstate.cli", "compile", *given]
    done = subprocess.run(command, cwd=specs.parent, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    hashed = hashlib.sha256()
    generated = specs.parent / "generated"
    written = sorted(path for path in generated.rglob("*") if path.is_file())
    assert len(written) > len(SERVICES)
    for file in written:
        content = file.read_bytes()
        hashed.update(f"{file.relative_to(generated).as_posix()} {len(content)}\n".encode() + content)
    return hashed.hexdigest()


def digests(python: str, folder: Path, metadata: Path) -> set[str]:
    with ThreadPoolExecutor(2) as pool:
        return set(pool.map(lambda seed: digest(python, seed, folder / str(seed), metadata), range(SEEDS)))


def test_one_digest(expected: str, tmp_path: Path, metadata: Path) -> None:
    assert digests(sys.executable, tmp_path, metadata) == {expected}


def test_the_same_digest_by_another_python(expected: str, tmp_path: Path, metadata: Path) -> None:
    other = os.environ.get(OTHER)
    if not other:
        pytest.skip(f"{OTHER} names no second Python: one version only was seen to give one digest")
    program = "import sys; print(*sys.version_info[:2])"
    version = subprocess.run([other, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert tuple(map(int, version)) != sys.version_info[:2], f"{OTHER} names the version that runs here"
    assert digests(other, tmp_path, metadata) == {expected}
