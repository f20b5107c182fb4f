"""Durations as specs write them: ``30s``."""

from __future__ import annotations

import re

_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(duration: str) -> int | None:
    """``30s`` in milliseconds; None if the text is not a duration."""
    match = _DURATION.fullmatch(duration)
    return int(match[1]) * _MILLISECONDS[match[2]] if match else None
