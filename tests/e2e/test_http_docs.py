"""The exchanges of docs/http.md, played in their order against the services that it names."""

from __future__ import annotations

import argparse
import re
import shlex
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPResponse

from tests.processes import ROOT, server

#: The ports of the page and the services behind them.
SERVICES = {9000: "shopping-cart", 9001: "converter"}

_BLOCK = re.compile(r"^    \$ curl (.+)\n((?:    .*\n|\n(?=    (?!\$)))*)", re.M)


def exchanges() -> list[tuple[str, str]]:
    """(arguments of curl, what it prints) for every command of the page."""
    page = (ROOT / "docs" / "http.md").read_text()
    return [(match[1], re.sub("^    ", "", match[2], flags=re.M)) for match in _BLOCK.finditer(page)]


def curl(line: str, addresses: dict[int, str]) -> str:
    """What ``curl -s`` would print, for the options that the page uses."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-i", action="store_true", dest="shows_head")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", action="append", dest="headers", default=[])
    parser.add_argument("-d", dest="body")
    said = parser.parse_args(shlex.split(line))
    place, slash, path = said.url.partition("/")
    headers = dict(header.split(": ", 1) for header in said.headers)
    with closing(HTTPConnection(addresses[int(place.removeprefix("localhost:"))], timeout=10)) as connection:
        connection.request(said.method or ("GET" if said.body is None else "POST"), slash + path, said.body, headers)
        response = connection.getresponse()
        return (head(response) if said.shows_head else "") + response.read().decode()


def head(response: HTTPResponse) -> str:
    headers = "".join(f"{name}: {value}\n" for name, value in response.getheaders())
    return f"HTTP/1.1 {response.status} {response.reason}\n{headers}\n"


def test_the_page_says_what_happens() -> None:
    played = exchanges()
    assert len(played) >= 14
    with ExitStack() as stack:
        addresses = {
            port: stack.enter_context(
                server(["-m", "cloudstate.cli", "run", f"specs/{name}", "--port", "0", "--journal", "memory:"])
            )[1]
            for port, name in SERVICES.items()
        }
        for line, printed in played:
            assert curl(line, addresses).rstrip("\n") == printed.rstrip("\n"), line
