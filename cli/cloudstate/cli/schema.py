"""``cloudstate schema``: the JSON Schema of specs, so that editors complete keys and mark mistakes."""

from __future__ import annotations

import argparse
import json

HELP = "print the JSON Schema of specs, for editors"


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Print the schema. Returns the exit code."""
    print(schema_text(), end="")
    return 0


def schema_text() -> str:
    """The JSON Schema of specs as the text of a file."""
    from cloudstate.compiler.frontend.document import json_schema

    return f"{json.dumps(json_schema(), indent=2)}\n"
