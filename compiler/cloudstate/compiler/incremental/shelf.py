"""Where records lie: a file for each spec, in ``.cloudstate/compiled/`` of its project. Nobody needs to keep them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cloudstate.compiler.incremental.record import Record, Unusable, parse, render
from cloudstate.compiler.inputs import Input

_PLACE = ".cloudstate/compiled"
_IGNORE = b"# Records of the CloudState compiler, for this folder only.\n*\n"


def find(given: Input, root: Path) -> Record | None:
    """The record of a spec in a project; None if there is none, or it is damaged."""
    try:
        with open(_file(given, root), "rb") as file:
            return parse(file.read())
    except (OSError, Unusable):
        return None


def put(given: Input, root: Path, record: Record) -> None:
    """Keep the record of a spec in a project in the place of an older one, as a whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    file = Path(_file(given, root))
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True)
        (file.parent / ".gitignore").write_bytes(_IGNORE)
    new = file.with_name(f"{file.name}.new-{os.getpid()}")
    try:
        new.write_bytes(render(record))
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _file(given: Input, root: Path) -> str:
    named = f"{given.path}\0{given.shown}\0{given.name or ''}"
    return f"{root}/{_PLACE}/{hashlib.sha256(named.encode('utf-8', errors='surrogateescape')).hexdigest()[:32]}"
