"""What the commands that read lock files have in common: the day of the check, the exit code, and the last words."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstate.compiler.locks import Gated

BREAKING = 4


def add_today(parser: argparse.ArgumentParser) -> None:
    """Declare the day on which accepted breaks have to hold."""
    parser.add_argument(
        "--today",
        type=day,
        metavar="DATE",
        help="the day on which accepted breaks have to hold, e.g. 2027-01-31 (default: the day it is, in UTC)",
    )


def day(text: str) -> date:
    """A day, as an argument.

    Raises:
        argparse.ArgumentTypeError: the text names none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not a date like 2027-01-31") from None


def day_of(arguments: argparse.Namespace) -> date:
    """The day that the arguments name, or the one it is."""
    named: date | None = arguments.today
    return named or datetime.now(UTC).date()


def exit_code(gated: Iterable[Gated], otherwise: int = 0) -> int:
    """4 if one of the specs must not be shipped, whatever else there is to say."""
    return BREAKING if any(one.is_breaking for one in gated) else otherwise


def summary(one: Gated) -> str:
    """One line about a spec."""
    if one.checked is None:
        return f"{one.name}: not held against anything"
    versions = f"{one.checked.versions} recorded version{'s' if one.checked.versions > 1 else ''}"
    counts = ", ".join(f"{count} x {verdict}" for verdict, count in one.checked.counts().items())
    if counts:
        return f"{one.name}: {counts}, against {versions}"
    return f"{one.name}: {'misreads' if one.is_breaking else 'reads'} what {versions} may have stored"
