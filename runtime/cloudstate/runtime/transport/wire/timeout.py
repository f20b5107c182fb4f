"""The ``grpc-timeout`` header: at most eight digits and a unit."""

from __future__ import annotations

import math

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.status import CallFailed, Status

_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
# Coarser and coarser, with how many of each make a second, or how many seconds make one.
_UNITS = ((b"n", 1e9), (b"u", 1e6), (b"m", 1e3), (b"S", 1.0), (b"M", 1 / 60), (b"H", 1 / 3600))
_MAX_DIGITS = 99_999_999


def parse_timeout(value: bytes) -> float:
    """Seconds that a ``grpc-timeout`` value stands for.

    Raises:
        CallFailed: INTERNAL, when the value is malformed.
    """
    digits, seconds = value[:-1], _SECONDS.get(value[-1:])
    if seconds is None or len(digits) > 8 or not digits.isdigit():
        raise CallFailed(Status(StatusCode.INTERNAL, f"malformed grpc-timeout {value[:40]!r}"))
    return int(digits) * seconds


def format_timeout(seconds: float) -> bytes:
    """The finest value that fits eight digits, rounded up so that a deadline never comes early."""
    if not seconds > 0:
        return b"0n"
    for unit, per_second in _UNITS:
        amount = seconds * per_second
        if amount <= _MAX_DIGITS:
            return b"%d%s" % (math.ceil(amount), unit)
    return b"%dH" % _MAX_DIGITS
