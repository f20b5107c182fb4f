"""What the scaffold refuses, with the next step in ``help``."""

from __future__ import annotations


class ScaffoldRefused(Exception):
    """Nothing was written.

    Attributes:
        help: what to do about it.
    """

    def __init__(self, message: str, *, help: str) -> None:
        super().__init__(message)
        self.help = help


class BadName(ScaffoldRefused):
    """The name cannot be used."""
