"""Tries the upcasters of a compiled service on samples: ``python -m cloudstate.cli.upcast``.

A process of its own, because it runs the author's code. It reads a JSON object from stdin: the folders ``generated``
and ``code``, and ``samples``, each with the ``entity`` type, the stored ``message`` type and its ``data`` in base64. It
writes to stdout what each sample has raised, as a JSON list of texts, with null for what was read. It exits with 1 and
a text on stderr if the service cannot be loaded.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.function.value import EmbeddedValue
from cloudstate.runtime.payload import PROTOBUF_PREFIX

_Readers = Mapping[str, Callable[[bytes], Any]]


def main() -> int:
    """Try all samples. Returns the exit code."""
    task = json.load(sys.stdin)
    answer, sys.stdout = sys.stdout, sys.stderr  # what the author's code prints is not part of the answer
    generated = Path(task["generated"])
    try:
        functions = load_functions(load(generated), generated, Path(task["code"]))
    except ServiceInvalid as error:
        print(error, file=sys.stderr)
        return 1
    readers = {function.entity_type: _readers(function) for function in functions.entities}
    errors = [_error(readers.get(one["entity"], {}), one["message"], b64decode(one["data"])) for one in task["samples"]]
    json.dump(errors, answer)
    return 0


def _readers(function: object) -> _Readers:
    """How an entity reads what is stored, by type URL."""
    match function:
        case EmbeddedEventSourced():
            return {**{url: fold.parse for url, fold in function.folds_by_url.items()}, **function.states_by_url}
        case EmbeddedValue():
            return function.upcasts
    return {}


def _error(readers: _Readers, message: str, data: bytes) -> str | None:
    """What reading a sample raises."""
    try:
        readers[PROTOBUF_PREFIX + message](data)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
