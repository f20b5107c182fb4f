"""The Java support library: fetched from Maven Central, with a model of ours (``java_support``) compiled against it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from tests.e2e.test_sidecar import free_port
from tests.peers.caching import cached
from tests.processes import ROOT

_SOURCES = Path(__file__).parent / "java_support"
_MODEL = "tck/eventsourced.proto"
#: Seconds that Maven may take to fetch a version, and the compilers and the function to do theirs.
_FETCH, _BUILD, _START = 60, 300, 120
#: How protoc's platforms are called, by what Python says.
_SYSTEMS = {"Linux": "linux", "Darwin": "osx"}
_MACHINES = {"x86_64": "x86_64", "aarch64": "aarch_64", "arm64": "aarch_64"}

#: What got no answer in time in this run: nothing else is asked for then.
_silent: list[str] = []


def jars(version: str, scratch: Path) -> Path:
    """The library with all that it needs, and a protoc whose code fits it; fetched once on a machine.

    Skips where there is no toolchain, or where Maven does not get the version.
    """
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            pytest.skip(f"no `{tool}` on the PATH, which the Java library {version} needs")
    return cached(f"java-support-{version}", lambda folder: _fetch(version, folder, scratch))


def _fetch(version: str, folder: Path, scratch: Path) -> None:
    system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine())
    if system is None or machine is None:
        pytest.skip(f"Maven Central has no protoc 3.11.4 for {platform.system()} on {platform.machine()}")
    shutil.copy(_SOURCES / "pom.xml", scratch)
    command = [
        "mvn",
        "-B",
        "-ntp",
        "-q",
        "-Dstyle.color=never",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
    ]
    command += [f"-Dlibrary={version}", f"-Dplatform={system}-{machine}", f"-DoutputDirectory={folder}"]
    what = f"io.cloudstate:cloudstate-java-support:{version}"
    if _silent:
        pytest.skip(f"`mvn dependency:copy-dependencies` for {what} is not tried: for {_silent[0]} it got no answer")
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=_FETCH, check=False)
    except subprocess.TimeoutExpired:
        _silent.append(what)
        pytest.skip(f"`mvn dependency:copy-dependencies` for {what} got no answer in {_FETCH} s")
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if "ERROR" in line] or done.stderr.splitlines() or ["nothing"]
        pytest.skip(f"`mvn dependency:copy-dependencies` does not get {what}: {said[0]}")


def compiled(library: Path, scratch: Path) -> str:
    """The class path of the function: the messages and our model, compiled, and the library."""
    protos, messages, classes = (scratch / name for name in ("protos", "messages", "classes"))
    for folder in (protos, messages, classes):
        folder.mkdir()
    for jar in [*library.glob("cloudstate-java-support-*.jar"), *library.glob("protobuf-java-3*.jar")]:
        with zipfile.ZipFile(jar) as opened:
            opened.extractall(protos, [name for name in opened.namelist() if name.endswith(".proto")])
    [protoc] = library.glob("protoc-*.exe")
    protoc.chmod(0o755)
    model = str(ROOT / "specs" / "tck" / "protos")
    _run([str(protoc), "-I", str(protos), "-I", model, f"--java_out={messages}", _MODEL])
    sources = [*messages.rglob("*.java"), *_SOURCES.glob("*.java")]
    _run(["javac", "-nowarn", "--release", "11", "-cp", f"{library}/*", "-d", str(classes), *map(str, sources)])
    return f"{classes}{os.pathsep}{library}/*"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def serving(class_path: str, log: Path) -> Iterator[str]:
    """The function, until the block ends; gives its address. What it prints goes into ``log``."""
    port = free_port()
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port)}
    with log.open("w") as output:
        process = subprocess.Popen(
            ["java", "-Xmx256m", "-cp", class_path, "Main"], env=environment, stdout=output, stderr=output
        )
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                grpc.channel_ready_future(channel).result(timeout=_START)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()
