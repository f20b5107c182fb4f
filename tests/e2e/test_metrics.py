"""What a runtime says of itself on its second port."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from threading import Timer
from urllib.error import HTTPError

import pytest
from tests.e2e.test_sidecar import add, ask
from tests.processes import PATIENCE, ROOT, cart, function, proxy, server


def get(port: str, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
        text: str = response.read().decode()
        return text


def numbers(port: str) -> dict[str, float]:
    """The metrics of the cart, without prefix and label."""
    found = re.findall(
        r'^cloudstate_eventsourced_(\w+)\{entity_name="shopping-cart"\} (\S+)$', get(port, "/metrics"), re.M
    )
    return {name: float(value) for name, value in found}


@pytest.mark.parametrize("placement", ["embedded", "sidecar"])
def test_commands_and_events_are_counted(placement: str, tmp_path: Path) -> None:
    journal = f"sqlite:{tmp_path}/carts.db"
    options = ["--metrics-port", "0"]
    with server(function("shopping-cart", "--port", "0")) as (_, where):
        apart = proxy(where, "--journal", journal, *options)
        command = apart if placement == "sidecar" else [*cart(journal), *options]
        heard: list[str] = []
        with server(command, heard) as (_, address):
            port = next(line.split()[-1] for line in heard if "metrics, /ready" in line)
            assert get(port, "/ready") == get(port, "/alive") == "OK\n"
            for _ in range(3):
                assert add(address, "pen") == (200, {})
            assert ask(address, "POST", "/cart/ada/items/ink/remove")[0] == 404
            counted = numbers(port)
            assert counted["received_commands_total"] == counted["command_total_time_seconds_count"] == 4
            assert (counted["completed_commands_total"], counted["failed_commands_total"]) == (3, 1)
            assert counted["persisted_events_total"] == counted["persist_time_seconds_count"] == 3
            assert counted["activated_entities_total"] == counted["recovery_time_seconds_count"] == 1
            assert counted["unstashed_commands_total"] == counted["command_stash_time_seconds_count"] == 1
            assert counted["entity_active_time_seconds_count"] == 0
            assert counted["failed_entities_total"] == 0
            with pytest.raises(HTTPError, match="404"):
                get(port, "/nothing")


def test_a_proxy_is_alive_before_its_function_is_there_and_ready_after(tmp_path: Path) -> None:
    socket = f"unix:{tmp_path}/function"
    command = [sys.executable, *proxy(socket, "--metrics-port", "0")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        watchdog = Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            port = next(line.split()[-1] for line in process.stdout if "metrics, /ready" in line)
            assert get(port, "/alive") == "OK\n"
            with pytest.raises(HTTPError, match="503"):
                get(port, "/ready")
            assert get(port, "/metrics") == ""
            with server(function("shopping-cart", "--unix", f"{tmp_path}/function")):
                assert next(line for line in process.stdout if line.startswith("serving "))
                assert get(port, "/ready") == "OK\n"
        finally:
            watchdog.cancel()
            process.kill()
