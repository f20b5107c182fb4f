"""Which compiler this is: its version, and what is installed beside it. `importlib.metadata` takes longer to import."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

_DISTRIBUTION = "cloudstate-py"
_KEY = "Version: "


@cache
def version() -> str:
    """The version of this compiler, as the distribution says that it is part of.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    beginning = f"{_DISTRIBUTION.replace('-', '_')}-"
    for place in installed():
        if place.name.startswith(beginning) and (found := _version_in(place / "METADATA")):
            return found
    from importlib import metadata

    return metadata.version(_DISTRIBUTION)


@cache
def installed() -> tuple[Path, ...]:
    """Where the metadata of every installed distribution is, in the order in which Python looks for modules."""
    return tuple(
        Path(folder, name)
        for folder in sys.path
        for name in sorted(_names(folder or os.curdir))
        if name.endswith((".dist-info", ".egg-info"))
    )


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []  # an archive, or nothing


def _version_in(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.removeprefix(_KEY).strip() for line in lines if line.startswith(_KEY)), "")
