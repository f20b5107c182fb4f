"""The grpc-timeout header."""

from __future__ import annotations

import pytest

from cloudstate.runtime.transport.wire.status import CallFailed
from cloudstate.runtime.transport.wire.timeout import format_timeout, parse_timeout


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"1H", 3600), (b"2M", 120), (b"3S", 3), (b"4m", 0.004), (b"5u", 5e-6), (b"6n", 6e-9), (b"99999999S", 99999999)],
)
def test_every_unit(value: bytes, seconds: float) -> None:
    assert parse_timeout(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", [b"", b"S", b"1", b"1s", b"-1S", b"1.5S", b"123456789S", b"1S ", b"\xff1S"])
def test_malformed_values(value: bytes) -> None:
    with pytest.raises(CallFailed, match="grpc-timeout"):
        parse_timeout(value)


@pytest.mark.parametrize(("seconds", "value"), [(0.5, b"500000u"), (-1, b"0n"), (0, b"0n"), (1e30, b"99999999H")])
def test_formatting(seconds: float, value: bytes) -> None:
    assert format_timeout(seconds) == value
