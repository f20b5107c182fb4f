"""What to say when an address cannot be listened on."""

from __future__ import annotations

import errno
import os
import re
import socket
import sys

_BOUND = re.compile(r"bind on address \('(?P<host>[^']*)', (?P<port>\d+)")


def print_not_listening(place: str, error: OSError) -> int:
    """Say why, and what to do; gives the exit code.

    Args:
        place: what was asked for, as ``host:port`` or ``unix:PATH``. The error may be of another address, e.g. that
            of the metrics.
    """
    found = _BOUND.search(str(error))
    if found is not None:
        place = f"{found['host']}:{found['port']}"
    reason = os.strerror(error.errno).lower() if found is not None and error.errno else error.strerror or str(error)
    print(f"error: {place}: {reason}", file=sys.stderr)
    help_ = _way_out(error)
    if help_:
        print(f"  help: {help_}", file=sys.stderr)
    return 3


def _way_out(error: OSError) -> str | None:
    if error.errno == errno.EADDRINUSE:
        return "something listens there already: stop it, or give another port; 0 picks a free one"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "give an address of this machine, e.g. `--host 127.0.0.1`, or `--host 0.0.0.0` for all of them"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this user may not listen there: ports below 1024 may be reserved, give a higher one"
    return None
