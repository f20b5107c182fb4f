"""What package indexes have given, kept between runs: in ``$XDG_CACHE_HOME/cloudstate-peers``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder of that name. If it is not there, ``fill`` gets a new one, which is kept if it does not raise."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudstate-peers"
    made = home / name
    if made.exists():
        return made
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=f".{name}-") as folder:
        filled = Path(folder) / "filled"
        filled.mkdir()
        fill(filled)
        try:
            filled.rename(made)
        except OSError:  # somebody else has been faster, and has the same
            if not made.exists():
                raise
    return made
