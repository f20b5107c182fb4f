"""protoc, as grpcio-tools brings it along, in a process of its own: there it can fail, and its errors can be read.

The process gets the one module that it needs and nothing else: without the site packages' start-up it takes half of the
time that ``python -m grpc_tools.protoc`` takes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_MAIN = """\
import sys
sys.path.append(sys.argv.pop(1))
from grpc_tools import _protoc_compiler
sys.exit(_protoc_compiler.run_main([argument.encode() for argument in sys.argv]))
"""


class ProtocMissing(Exception):
    """The Python environment has no protoc (grpcio-tools), or not what it needs beside it."""


def run(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run protoc in a folder and capture what it says. No include path is added.

    Raises:
        ProtocMissing: it is not installed.
    """
    command = [sys.executable, "-I", "-S", "-c", _MAIN, str(tools().parent), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False)


@cache
def tools() -> Path:
    """The folder of grpcio-tools.

    Raises:
        ProtocMissing: it is not installed.
    """
    spec = find_spec("grpc_tools")
    if spec is None or spec.origin is None:
        raise ProtocMissing("the package grpcio-tools is not installed")
    return Path(spec.origin).parent
