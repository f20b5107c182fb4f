"""Which compiler this is: everything that could make the same spec give other files or other findings."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import cloudstate
from cloudstate.compiler.version import installed

#: Folders whose files make no difference to what is compiled.
_OTHERS = frozenset({"__pycache__", "explain"})
_PROTOCOL = (".proto", "_pb2.py")


@cache
def identity() -> str:
    """A hash of this compiler's code, the protocol's files, the interpreter, and what is installed beside it.

    The code itself counts, not its version: who works on the compiler has one version for many of them.
    """
    hashed = hashlib.sha256()
    interpreter = (sys.implementation.cache_tag, sys.version, sys.platform, *sys.path)
    for text in (*map(str, interpreter), *(place.name for place in installed())):
        hashed.update(text.encode("utf-8", errors="surrogateescape") + b"\0")
    for name, file in _files():
        with suppress(FileNotFoundError), open(file, "rb") as content:  # an editor's, perhaps
            hashed.update(f"{name}\0".encode() + hashlib.sha256(content.read()).digest())
    return hashed.hexdigest()


def _files() -> Iterator[tuple[str, str]]:
    """The files of this compiler and of the protocol, each with its name."""
    for portion in dict.fromkeys(cloudstate.__path__):
        found = sorted(entry.name for entry in os.scandir(portion) if entry.name.endswith(_PROTOCOL))
        yield from ((name, f"{portion}/{name}") for name in found)
    root = Path(__file__).parents[1]
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _OTHERS)
        yield from ((os.path.relpath(file, root), file) for file in (f"{folder}/{name}" for name in sorted(names)))
