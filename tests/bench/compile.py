"""What a compile of many services takes: ``python -m tests.bench.compile [--rounds N]``.

A project of 100 services with 1,000 messages is written into a temporary folder and compiled by ``cloudstate compile``,
in processes of their own: from nothing, after a change of one file, and with nothing changed. The compiler has its byte
code, as an installed one has. The figures are the best of the rounds, because other programs only ever add to them;
memory is the sum of the peaks of the process and of protoc beside it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SERVICES, MESSAGES = 100, 10
COLD, CHANGED, MEMORY = 5.0, 0.5, 300.0

_PROTO = """\
syntax = "proto3";
package shop{number};
import "cloudstate/entity_key.proto";
import "google/protobuf/empty.proto";
// A cart.
service Cart {{
  // Puts a line into it.
  rpc AddItem(AddLine) returns (google.protobuf.Empty) {{}}
  rpc GetCart(GetRequest) returns (Cart{number}) {{}}
}}
message AddLine {{ string cart_id = 1 [(cloudstate.entity_key) = true]; string item = 2; int32 quantity = 3; }}
message GetRequest {{ string cart_id = 1 [(cloudstate.entity_key) = true]; }}
message Cart{number} {{ repeated Item items = 1; }}
message Item {{ string item = 1; int32 quantity = 2; }}
{events}
"""
_EVENT = """\
// It happened.
message Event{index} {{ string item = 1; int32 quantity = 2; repeated string tags = 3; Item more = 4; }}
"""
_SPEC = """\
apiVersion: cloudstate.io/v1
kind: StatefulService
metadata: {{name: shop{number}}}
spec:
  protos: [shop{number}.proto]
  entities:
    - service: shop{number}.Cart
      model: event-sourced
      type: cart{number}
      state: shop{number}.Cart{number}
      events: [{events}]
      snapshot: {{every: 50}}
  store: {{kind: postgresql, secret: shop{number}-db}}
  deploy:
    image: registry.example/shop{number}:1.0
    replicas: 1
"""
_CLASS = """\
from shop{number}_service import CartEntity


class Cart(CartEntity):
    def add_item(self, command, ctx): ...

    def get_cart(self, command, ctx): ...
{handlers}"""
_HANDLER = "\n    def on_event{index}(self, state, event): ...\n"


class Taken(NamedTuple):
    """What a run has taken: seconds, seconds of the processor, and MB of memory at most."""

    seconds: float
    processor: float
    memory: float


def write_project(root: Path, services: int = SERVICES) -> None:
    """Services in a folder of their own each."""
    (root / "pyproject.toml").write_text("")
    events = range(MESSAGES - 4)
    for number in range(services):
        folder = root / "specs" / f"shop{number}"
        (folder / "protos").mkdir(parents=True)
        declared = "".join(_EVENT.format(index=index) for index in events)
        (folder / "protos" / f"shop{number}.proto").write_text(_PROTO.format(number=number, events=declared))
        listed = ", ".join(f"shop{number}.Event{index}" for index in events)
        (folder / "service.yaml").write_text(_SPEC.format(number=number, events=listed))
        handlers = "".join(_HANDLER.format(index=index) for index in events)
        (folder / "cart.py").write_text(_CLASS.format(number=number, handlers=handlers))


def compiled(root: Path, has_peaks: bool = False) -> Taken:
    """Compile the project. To look for the peaks of other processes takes time of its own."""
    command = [sys.executable, "-m", "cloudstate.cli", "compile", "specs"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(root / "bytecode")
    peaks: dict[int, float] = {}
    with (root / "told").open("w") as told:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=told, stderr=subprocess.STDOUT)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            if has_peaks:
                peaks |= _peaks(process.pid)
            time.sleep(0.1 if has_peaks else 0.001)
        seconds = time.perf_counter() - began
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit((root / "told").read_text()[:2000])
    peaks[process.pid] = usage.ru_maxrss / 1000
    return Taken(seconds, usage.ru_utime + usage.ru_stime, sum(peaks.values()))


def _peaks(process: int) -> dict[int, float]:
    """The most memory that each of a process' children has had so far, in MB."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            said = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue  # it has just ended
        if int(said["PPid"]) == process and "VmHWM" in said:
            found[int(said["Pid"])] = int(said["VmHWM"].split()[0]) / 1000
    return found


def afresh(root: Path, _: int) -> None:
    """Nothing is there but the specs."""
    for name in ("generated", ".cloudstate"):
        shutil.rmtree(root / name, ignore_errors=True)


def other_proto(root: Path, number: int) -> None:
    """A message more in one file."""
    with (root / "specs" / "shop7" / "protos" / "shop7.proto").open("a") as proto:
        proto.write(f"message New{number} {{ string text = 1; }}\n")


def other_spec(root: Path, number: int) -> None:
    """Another number in one spec."""
    spec = root / "specs" / "shop8" / "service.yaml"
    spec.write_text(spec.read_text().replace(f"every: {50 + number}", f"every: {51 + number}"))


def measure(name: str, before: Callable[[Path, int], object], root: Path, rounds: int) -> Taken:
    """The best of some runs, printed."""
    runs = []
    for number in range(rounds):
        before(root, number)
        runs.append(compiled(root))
    best = Taken(*(min(values) for values in zip(*runs, strict=True)))
    print(
        f"{name:<18}{best.seconds:6.2f} s, {best.processor:5.2f} s of the processor, {best.memory:4.0f} MB", flush=True
    )
    return best


def main() -> int:
    """Measure; the exit code says whether the promises hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compile", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="cloudstate-bench-") as folder:
        root = Path(folder)
        write_project(root)
        print(f"{SERVICES} services, {SERVICES * MESSAGES} messages")
        compiled(root)  # for the byte code
        cold = measure("from nothing", afresh, root, rounds)
        afresh(root, 0)
        memory = compiled(root, has_peaks=True).memory
        print(f"{'with protoc':<18}{memory:40.0f} MB")
        proto = measure("one proto changed", other_proto, root, rounds)
        spec = measure("one spec changed", other_spec, root, rounds)
        measure("nothing changed", lambda *_: None, root, rounds)
    changed = max(proto.seconds, spec.seconds)
    promises = {
        f"from nothing in less than {COLD:g} s": cold.seconds < COLD,
        f"one file changed in less than {CHANGED:g} s": changed < CHANGED,
        f"less than {MEMORY:g} MB": memory < MEMORY,
    }
    for promise, kept in promises.items():
        print(f"{'kept  ' if kept else 'BROKEN'} {promise}")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
