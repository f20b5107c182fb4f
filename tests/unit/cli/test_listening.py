"""What is said when an address cannot be listened on."""

from __future__ import annotations

import errno
import socket

import pytest

from cloudstate.cli.listening import print_not_listening

TAKEN = "error while attempting to bind on address ('127.0.0.1', 9090): address already in use"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.EADDRINUSE, TAKEN),  # asyncio's words, here for the port of the metrics
            "error: 127.0.0.1:9090: address already in use\n"
            "  help: something listens there already: stop it, or give another port; 0 picks a free one\n",
        ),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "error: nowhere:9000: Name or service not known\n"
            "  help: give an address of this machine, e.g. `--host 127.0.0.1`, or `--host 0.0.0.0` for all of them\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "error: nowhere:9000: Permission denied\n"
            "  help: this user may not listen there: ports below 1024 may be reserved, give a higher one\n",
        ),
        (OSError("no such thing"), "error: nowhere:9000: no such thing\n"),
    ],
)
def test_why_and_what_to_do(error: OSError, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_not_listening("nowhere:9000", error) == 3
    assert capsys.readouterr().err == text
