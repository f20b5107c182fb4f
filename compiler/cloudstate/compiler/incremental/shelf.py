"""Where records lie: a file for each spec, in ``.cloudstate/compiled/`` of its project. Nobody needs to keep them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cloudstate.compiler.incremental.record import Record, Unusable, parse, render
from cloudstate.compiler.inputs import Input, output_folder

_PLACE = Path(".cloudstate", "compiled")
_IGNORE = b"# Records of the CloudState compiler, for this folder only.\n*\n"


def find(given: Input) -> Record | None:
    """The record of a spec; None if there is none, or it is damaged."""
    try:
        return parse(_file(given).read_bytes())
    except (OSError, Unusable):
        return None


def put(given: Input, record: Record) -> None:
    """Keep a record in the place of an older one, as a whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    file = _file(given)
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True)
        (file.parent / ".gitignore").write_bytes(_IGNORE)
    new = file.with_name(f"{file.name}.new-{os.getpid()}")
    try:
        new.write_bytes(render(record))
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _folder(given: Input) -> Path:
    return output_folder(given).parent / _PLACE


def _file(given: Input) -> Path:
    named = f"{given.path}\0{given.shown}\0{given.name or ''}"
    return _folder(given) / hashlib.sha256(named.encode("utf-8", errors="surrogateescape")).hexdigest()[:32]
