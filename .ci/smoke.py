"""Use the wheel as a stranger would: a clean virtual environment, a new project, one request.

    python .ci/smoke.py dist/cloudstate_py-0.1.0-py3-none-any.whl

Everything happens in a temporary directory, so nothing of the repository can be imported by accident.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import venv
from http.client import HTTPConnection
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")

#: A command of the entity that `cloudstate init shop` writes.
REQUEST = ("/shop/one/increase", {"amount": 3})


def main(wheel: Path) -> None:
    """Run every step; the first that fails ends the run with its output."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        command = install(wheel.resolve(), work)
        say(output(command, "--version", cwd=work).strip())
        say(output(command, "init", "shop", cwd=work).strip())
        say(output(command, "compile", "shop", cwd=work).strip())
        serve_one_request(command, work)


def install(wheel: Path, work: Path) -> Path:
    """Install the wheel with the pinned versions of what it needs, nothing else; return the command's path."""
    venv.create(work / "venv", with_pip=True)
    pins = work / "pins.txt"
    pins.write_text("\n".join(re.findall(r"^[\w.-]+==[^\s\\]+", LOCK.read_text(), flags=re.MULTILINE)))
    python = work / "venv/bin/python"
    output(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", pins, wheel, cwd=work)
    where = output(python, "-c", "import cloudstate.runtime; print(cloudstate.runtime.__file__)", cwd=work)
    assert where.startswith(str(work)), f"the wheel is not what is imported: {where}"
    return work / "venv/bin/cloudstate"


def serve_one_request(command: Path, work: Path) -> None:
    """Serve the new project, ask it something over HTTP, and see it stop in good order."""
    serving = subprocess.Popen(
        [command, "run", "shop", "--port", "0"],
        cwd=work,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    signal.alarm(120)  # reading what it prints has no time limit of its own
    try:
        port = port_of(serving)
        say(f"serving on port {port}")
        post(port, *REQUEST)
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(30) == 0, f"exit code {serving.returncode} after SIGTERM"
    finally:
        signal.alarm(0)
        if serving.poll() is None:
            serving.kill()


def port_of(serving: subprocess.Popen[str]) -> int:
    """The port that the process says it listens on; if it ends without saying so, show what it said instead."""
    assert serving.stdout is not None
    said = ""
    for line in serving.stdout:
        said += line
        if match := ADDRESS.search(line):
            return int(match.group(1))
    sys.exit(f"`cloudstate run` ended before it listened:\n{said}")


def post(port: int, path: str, body: dict[str, int]) -> None:
    """Send a JSON request to the served project; anything but 200 is a failure."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = f"POST {path}: {response.status} {response.read().decode()}"
    connection.close()
    assert response.status == 200, text
    say(text)


def output(*command: str | Path, cwd: Path) -> str:
    """What a command prints; when it fails, show that and stop."""
    result = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))} gave {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout


def environment() -> dict[str, str]:
    """The environment without what could lead Python back into the repository."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def say(text: str) -> None:
    """Print right away: the log tells where a run hangs."""
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
