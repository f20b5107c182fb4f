"""Message modules: protoc makes them from the descriptor set; the type stubs are then made fit for strict checkers."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cloudstate.compiler import protoc
from cloudstate.compiler.model import Service

_PRIVATE_IMPORT = re.compile(r"^from \S+ import \w+ as (_\w+)\n", re.MULTILINE)
_SCALARS = r"(bool|bytes|float|int|str)"
_SCALAR_FIELD = re.compile(rf"^ +{_SCALARS}: ", re.MULTILINE)
_SCALAR_TYPE = re.compile(rf'(?<![\w."(]){_SCALARS}(?![\w:(])')


class ProtocFailed(Exception):
    """protoc refused a descriptor set that it has made itself: a defect of this compiler or of the installation."""


@contextmanager
def message_modules(service: Service) -> Iterator[Callable[[], dict[str, bytes]]]:
    """The ``_pb2.py`` and ``_pb2.pyi`` files of every proto file that is the service's own.

    protoc works on them until they are asked for.

    Raises:
        ProtocFailed: it could not make them; said when they are asked for.
    """
    paths = [file.path for file in service.files if file.generated]
    if not paths:
        yield dict
        return
    with tempfile.TemporaryDirectory(prefix="cloudstate-") as folder:
        root = Path(folder)
        running = _start(root, service.descriptors, paths)
        yield lambda: _collect(running, root / "out")


def _start(root: Path, descriptors: bytes, paths: list[str]) -> protoc.Running:
    (root / "out").mkdir()
    (root / "set.binpb").write_bytes(descriptors)
    options = ["--descriptor_set_in=set.binpb", "--python_out=out", "--pyi_out=out"]
    return protoc.start([*options, *paths], root)


def _collect(running: protoc.Running, out: Path) -> dict[str, bytes]:
    done = running.result()
    if done.code != 0:
        raise ProtocFailed(done.told.strip())
    return {path.relative_to(out).as_posix(): _content(path) for path in sorted(out.glob("**/*.py*"))}


def _content(path: Path) -> bytes:
    text = path.read_text(encoding="utf-8")
    return (strict_stub(text) if path.suffix == ".pyi" else text).encode()


def strict_stub(text: str) -> str:
    """Close the gaps of protoc's stubs that mypy --strict reports: unused and untyped imports, bare generics, untyped
    ``**kwargs``, and fields whose names hide the builtin type that other fields need."""
    text = text.replace("_Mapping]", "_Mapping[str, _Any]]").replace("**kwargs)", "**kwargs: _Any)")
    text = re.sub(r"^import datetime$", "import datetime as _datetime", text, flags=re.MULTILINE)
    text = re.sub(r"\bdatetime\.", "_datetime.", text)
    if "_Any" in text:
        text = text.replace("from typing import ", "from typing import Any as _Any, ", 1)
    if _SCALAR_FIELD.search(text):
        text = "import builtins as _builtins\n" + _SCALAR_TYPE.sub(r"_builtins.\1", text)
    return _PRIVATE_IMPORT.sub(lambda match: match[0] if text.count(match[1]) > 1 else "", text)
