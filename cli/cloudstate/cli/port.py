"""The value of ``--port``, from the command line or from the environment."""

from __future__ import annotations

import argparse

_LARGEST = 65_535


def port(text: str) -> int:
    """A TCP port, or 0 for a free one; for ``type=`` of an argument.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit() and int(text) <= _LARGEST):
        raise argparse.ArgumentTypeError(f"`{text}` is not a port, a number from 0 to {_LARGEST}")
    return int(text)
