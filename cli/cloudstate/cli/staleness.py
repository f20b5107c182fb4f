"""Whether a compiled service still is what its spec says: asked while it is served, for people at work on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Thread

#: What `cloudstate compile --check` ends with if there is something to tell: findings, or a break of the lock.
_FINDINGS = (1, 4)


def tell_if_stale(code: Path, out: Path | None) -> None:
    """Print a warning, within seconds, if the spec in a folder has changed since it was compiled.

    Only where somebody reads: if stderr is no terminal, nothing is asked, and a server in production does not pay.
    """
    if sys.stderr.isatty():
        Thread(target=_tell, args=(code, out), daemon=True).start()


def _tell(code: Path, out: Path | None) -> None:
    if is_stale(code, out):
        print(
            f"warning: what is served is not what the spec says now; run `cloudstate compile {code}`, then this again",
            file=sys.stderr,
            flush=True,
        )


def is_stale(code: Path, out: Path | None) -> bool:
    """Whether the compiler, run in a process of its own, would write something else, or refuses the spec."""
    command = [sys.executable, "-m", "cloudstate.cli", "compile", str(code), "--check"]
    if out is not None:
        command += ["--out", str(out)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return done.returncode in _FINDINGS
