"""From what the command line names to specs, and from a spec to the place of its output."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.source import Source, Span

SPEC_NAME = "service.yaml"
LOCK_NAME = "schema.lock"
PROTO_FOLDER = "protos"
_SUFFIXES = {".yaml", ".yml", ".proto"}


@dataclass(frozen=True, slots=True)
class Input:
    """One spec to compile.

    Attributes:
        path: the YAML file, or a .proto file whose options say everything.
        shown: the path as findings name it.
        name: the service's name where no YAML gives one.
        kubernetes: the oldest Kubernetes that the manifests are for, whatever the spec says, e.g. ``1.31``.
    """

    path: Path
    shown: str
    name: str | None = None
    kubernetes: str | None = None

    @property
    def is_proto(self) -> bool:
        """There is no YAML."""
        return self.path.suffix == ".proto"

    def folder(self) -> tuple[Path, str]:
        """The folder of the spec, where the author's modules are, and how it is shown.

        A .proto file in a ``protos`` folder, however deep, belongs to the folder around that.
        """
        parts = self.path.parts[:-1]
        if self.is_proto and PROTO_FOLDER in parts:
            depth = parts[::-1].index(PROTO_FOLDER) + 2
            return self.path.parents[depth - 1], "/".join(self.shown.split("/")[:-depth])
        return self.path.parent, self.shown.rpartition("/")[0]


def find_inputs(
    paths: Iterable[str], name: str | None = None, kubernetes: str | None = None
) -> tuple[tuple[Input, ...], tuple[Diagnostic, ...]]:
    """The specs at the given paths: files, folders with a ``service.yaml``, or folders of such folders.

    Args:
        paths: as given; each spec counts once.
        name: the name of a service whose spec is a .proto file.
        kubernetes: what all of them are compiled for, whatever they say; None: what they say.
    """
    inputs: dict[Path, Input] = {}
    findings: list[Diagnostic] = []
    for given in paths:
        specs = _specs_at(Path(given))
        if not specs:
            findings.append(_nothing_at(Path(given)))
        for spec in specs:
            absolute = Path(os.path.abspath(spec))
            inputs.setdefault(absolute, Input(absolute, shown(absolute), name, kubernetes))
    return tuple(inputs.values()), tuple(findings)


def output_folder(given: Input) -> Path:
    """``generated/`` in the project, which is the nearest folder at or above the spec's that has a pyproject.toml, or
    else the spec's own."""
    folder, _ = given.folder()
    above = str(folder)
    while not os.path.isfile(os.path.join(above, "pyproject.toml")):
        below, above = above, os.path.dirname(above)
        if below == above:
            return folder / "generated"
    return Path(above, "generated")


def lock_file(given: Input) -> Path:
    """``schema.lock`` beside a ``service.yaml``; a spec of another name has a lock file of its own."""
    name = LOCK_NAME if given.path.name == SPEC_NAME else f"{given.path.stem}.{LOCK_NAME}"
    return given.path.parent / name


def shown(path: Path) -> str:
    """A path as people read it: from the working directory, if it is inside."""
    name, here = path.as_posix(), Path.cwd().as_posix()
    if name == here:
        return "."
    return name.removeprefix(f"{here.rstrip('/')}/")


def top_level_modules(folder: Path) -> frozenset[str]:
    """The names under which Python can import what lies in the folder, except for folders that are no packages."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return frozenset()
    return frozenset(
        Path(entry.name).stem
        for entry in entries
        if (Path(entry.name).suffix == ".py" and entry.is_file()) or os.path.isfile(f"{entry.path}/__init__.py")
    )


def _specs_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.suffix in _SUFFIXES and path.exists() else []
    if (path / SPEC_NAME).exists():
        return [path / SPEC_NAME]
    return sorted(folder / SPEC_NAME for folder in path.iterdir() if (folder / SPEC_NAME).exists())


def _nothing_at(path: Path) -> Diagnostic:
    name = path.as_posix()
    found = codes.SPEC_NOT_FOUND.at(Span(Source(name)), path=name)
    if path.is_dir():
        return found.help(f"name a folder that has a {SPEC_NAME}, or one whose folders have it")
    if path.exists():
        return found.help("name a .yaml or .proto file, or a folder")
    return found.help("`cloudstate init NAME` writes a new project")
