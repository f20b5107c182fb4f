"""``--watch``: look again whenever a file of the specs has changed. It polls: nothing else is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

#: How often the files are looked at, in seconds.
INTERVAL = 0.3

_SUFFIXES = (".yaml", ".yml", ".proto", ".py", ".lock")
_SKIPPED = {"generated", "node_modules", "__pycache__"}


def watch(paths: Sequence[str], look: Callable[[], int], wait: Callable[[], None]) -> int:
    """Look at once, and again after every change, until the user interrupts.

    Args:
        paths: specs, and folders of them.
        look: checks and prints; returns an exit code.
        wait: returns when it is time to look at the files again.

    Returns:
        The exit code of the last look.
    """
    seen: dict[str, tuple[int, int]] | None = None
    code = 0
    try:
        while True:
            now = stamps(paths)
            if now != seen:
                seen = now
                code = look()
                print("watching; Ctrl-C ends", file=sys.stderr, flush=True)
            wait()
    except KeyboardInterrupt:
        return code


def stamps(paths: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Each file that a check may read, with its time of change in nanoseconds and its size in bytes."""
    found = {}
    for file in sorted({file for path in paths for file in _files(Path(path))}):
        try:
            status = file.stat()
        except OSError:
            continue  # gone since it was listed: the next look sees that
        found[str(file)] = (status.st_mtime_ns, status.st_size)
    return found


def _files(path: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(path if path.is_dir() else path.parent):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        yield from (Path(folder) / name for name in names if name.endswith(_SUFFIXES))
