"""Run a program that ends when the process that started it does, whatever ends that: ``python tethered.py COMMAND...``.

On Linux, the kernel kills the program: it keeps that promise over ``exec``, so nothing but the program runs. Elsewhere
this process stays, and kills the program when its standard input ends, which the starter holds open.

Started as a script, without the packages around it: it has to be fast and to need nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1


def by_kernel(parent: int, command: list[str]) -> None:
    """Become the program. The thread that started this must live as long as the program should.

    Raises:
        OSError: it cannot be started, or this is no Linux.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() == parent:  # else it has ended already
        os.execv(command[0], command)  # noqa: S606 - that is what this is for


def by_pipe(command: list[str]) -> int:
    """Run the program until it ends or standard input does; gives its exit code."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda number, frame: program.terminate())

    def watch() -> None:
        while os.read(0, 4096):
            pass
        program.kill()

    threading.Thread(target=watch, daemon=True).start()
    return program.wait()


def main(parent: int, command: list[str]) -> int:
    """Run a command; see the module."""
    if sys.platform == "linux":
        by_kernel(parent, command)
        return 1
    return by_pipe(command)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
