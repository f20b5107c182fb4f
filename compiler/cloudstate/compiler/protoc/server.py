"""What the process runs: protoc, once for each request on stdin, with an answer on stdout.

It is run as a script, without site packages and without anything of ours, so that it starts in a few milliseconds.
stderr is a file: what protoc says goes there, and is read back from there.
"""

import marshal
import os
import signal
import sys


def serve(tools: str) -> None:
    """Answer requests, a (folder, arguments), with (exit code, what was said), until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one decides when it ends
    sys.path.append(tools)
    from grpc_tools._protoc_compiler import run_main

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            folder, arguments = marshal.load(sys.stdin.buffer)  # noqa: S302 - of the process that started this one
        except EOFError:
            return
        os.chdir(folder)
        code = run_main([b"protoc", *map(os.fsencode, arguments)])
        marshal.dump((code, told()), answers)
        answers.flush()


def told() -> bytes:
    """What has been written to stderr since the last time."""
    size = os.lseek(2, 0, os.SEEK_END)
    os.lseek(2, 0, os.SEEK_SET)
    text = os.read(2, size)
    os.ftruncate(2, 0)
    os.lseek(2, 0, os.SEEK_SET)
    return text


if __name__ == "__main__":
    serve(sys.argv[1])
