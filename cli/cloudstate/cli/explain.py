"""``cloudstate explain CODE``: what a finding means, why it is bad, and what is right."""

from __future__ import annotations

import argparse
import sys

HELP = "explain a finding of the compiler by its code or name"

_USAGE = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="e.g. CS2004 or unknown-command; without it, list all")


def run(arguments: argparse.Namespace) -> int:
    """Print the page. Returns the exit code: 2 if there is no such code."""
    from cloudstate.compiler.diagnostics import closest, codes
    from cloudstate.compiler.diagnostics.pages import page

    if arguments.code is None:
        for entry in codes.CATALOGUE.values():
            print(f"{entry.id}  {entry.severity:<7}  {entry.name}")
        return 0
    code = codes.find(arguments.code)
    if code is not None:
        print(page(code), end="")
        return 0
    known = [*codes.CATALOGUE, *(entry.name for entry in codes.CATALOGUE.values())]
    guess = closest(arguments.code, known)
    advice = f"did you mean `{guess}`?" if guess else "`cloudstate explain` lists all codes"
    print(f"error: unknown code `{arguments.code}`\n  help: {advice}", file=sys.stderr)
    return _USAGE
