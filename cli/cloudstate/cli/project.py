"""Where a project's files are: the spec and the author's code on one side, what the compiler wrote on the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class NotCompiled(Exception):
    """The project, or its compiled service, is not where it should be; says what to do."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project on disk.

    Attributes:
        name: the service's name.
        code: the folder of the spec, where the author's modules are.
        generated: the compiled service's folder, with service.json.
    """

    name: str
    code: Path
    generated: Path


def project_root(code: Path) -> Path:
    """The nearest folder at or above the spec's that has a pyproject.toml, else the spec's own."""
    code = code.resolve()
    return next((folder for folder in (code, *code.parents) if (folder / "pyproject.toml").is_file()), code)


def find_project(code: Path, out: Path | None = None) -> Project:
    """The project whose spec is in the folder ``code``, compiled to ``out`` or to ``generated/`` of its root.

    Raises:
        NotCompiled: there is no spec, or no compiled service for it.
    """
    spec = code / "service.yaml"
    if not spec.is_file():
        raise NotCompiled(f"there is no {spec}\n  help: give the folder of a spec; `cloudstate init NAME` writes one")
    name = _service_name(spec)
    generated = (out or project_root(code) / "generated") / name
    if not (generated / "service.json").is_file():
        raise NotCompiled(
            f"`{name}` is not compiled: there is no {generated}/service.json\n  help: run `cloudstate compile {code}`"
        )
    return Project(name, code, generated)


def _service_name(spec: Path) -> str:
    """``metadata.name`` of the spec."""
    import yaml

    try:
        document = yaml.safe_load(spec.read_text())
        name = document["metadata"]["name"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError) as error:
        raise NotCompiled(f"{spec} names no service\n  help: `cloudstate compile {spec}` says what is wrong") from error
    return str(name)
