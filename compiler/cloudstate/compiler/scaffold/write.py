"""Write files that must not exist yet: all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cloudstate.compiler.scaffold.errors import ScaffoldRefused


def write_new(files: Mapping[Path, str]) -> None:
    """Write ``files``.

    Raises:
        ScaffoldRefused: one of them exists.
    """
    existing = sorted(str(path) for path in files if path.exists())
    if existing:
        raise ScaffoldRefused(
            f"{_listed(existing)} already",
            help="nothing was written; choose another name, or move what is there out of the way",
        )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)


def _listed(paths: list[str]) -> str:
    quoted = ", ".join(f"`{path}`" for path in paths)
    return f"{quoted} exist" if len(paths) > 1 else f"{quoted} exists"
