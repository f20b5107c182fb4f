"""What of the disk a compile depends on, so that it can be seen later whether it would come out as before."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstate.compiler.inputs import PROTO_FOLDER, Input, top_level_modules

if TYPE_CHECKING:
    from cloudstate.compiler.driver import Compiled

#: A pipe in the place of a file must not be waited for.
_TO_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_LEAST = 4096
_READABLE = (".proto", ".py")
_SKIPPED = frozenset({"__pycache__", "generated", "node_modules"})
_MOST = 2000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is seen of a spec's folder without a file being read.

    Attributes:
        has_protos: whether the protos have a folder of their own.
        modules: the top-level Python modules.
    """

    has_protos: bool
    modules: tuple[str, ...]


def surroundings(given: Input) -> Surroundings:
    """The spec's folder as it is."""
    folder, _ = given.folder()
    return Surroundings(os.path.isdir(f"{folder}/{PROTO_FOLDER}"), tuple(sorted(top_level_modules(folder))))


def digest(file: str) -> str | None:
    """A hash of a file's content; None if there is no file that can be read."""
    # Straight to the system: a run that changes nothing does little else.
    try:
        opened = os.open(file, _TO_READ)
    except OSError:
        return None
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            return None
        # One byte more than it has: less than asked for, and not less than it has, is all of it.
        wanted = max(status.st_size, _LEAST) + 1
        hashed = hashlib.sha256(part := os.read(opened, wanted))
        while len(part) == wanted or (part and len(part) < status.st_size):
            hashed.update(part := os.read(opened, wanted))
        return hashed.hexdigest()
    except OSError:
        return None
    finally:
        os.close(opened)


def digests(folder: Path | str, names: Iterable[str]) -> dict[str, str | None]:
    """A hash of each of the files."""
    return {name: digest(f"{folder}/{name}") for name in names}


def is_as_it_was(folder: Path | str, files: Mapping[str, str | None]) -> bool:
    """Whether all files are what they were."""
    above = f"{folder}/"
    return all(digest(above + name) == known for name, known in files.items())


def read_files(compiled: Compiled) -> dict[str, bool]:
    """The files that a compile has read, by their paths below the spec's folder; False: it looked, and none was there.

    The protos of installed packages are not among them: they belong to the compiler.
    """
    from cloudstate.compiler.model.naming import implementation_of

    given, spec = compiled.given, compiled.spec
    folder, _ = given.folder()
    root = f"{PROTO_FOLDER}/" if (folder / PROTO_FOLDER).is_dir() else ""
    own = [file.path for file in spec.schema.files if file.generated]
    read = {f"{root}{path}": True for path in (*own, *(proto.value for proto in spec.protos))}
    read[given.path.relative_to(folder).as_posix()] = True
    for name in sorted({implementation_of(entity).rpartition(".")[0] for entity in spec.entities} - {""}):
        stem = name.replace(".", "/")
        candidates = (f"{stem}.py", f"{stem}/__init__.py")
        found = [path for path in candidates if (folder / path).is_file()]
        if bool(found) != (name in spec.modules):
            read[f"{stem}.py"] = True  # it came or went meanwhile, and cannot be vouched for
        read |= {path: path in found for path in candidates if path not in read}
    return read


def readable_files(given: Input) -> dict[str, str | None]:
    """Hashes of all files that a compile of the spec may read, by their paths below its folder; nothing where these
    are too many to be worth it."""
    folder, _ = given.folder()
    names = [given.path.relative_to(folder).as_posix()]
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        below = "" if place == str(folder) else f"{os.path.relpath(place, folder)}/".replace(os.sep, "/")
        names += [f"{below}{name}" for name in files if name.endswith(_READABLE)]
        if len(names) > _MOST:
            return {}
    return digests(folder, names)
