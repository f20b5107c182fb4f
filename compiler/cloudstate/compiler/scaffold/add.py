"""Add an entity to a service on disk: check everything first, then write the new files, then the spec."""

from __future__ import annotations

import os
from pathlib import Path

from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold.entity import plan_entity
from cloudstate.compiler.scaffold.errors import ScaffoldRefused
from cloudstate.compiler.scaffold.naming import entity_names, entity_words
from cloudstate.compiler.scaffold.spec_edit import add_to_spec, service_name
from cloudstate.compiler.scaffold.write import write_new


def add_entity(spec: Path, name: str, model: Model) -> list[Path]:
    """Add the entity ``name`` to the service of ``spec``. Returns the new files.

    Raises:
        ScaffoldRefused: nothing was written; the message says why.
    """
    words = entity_words(name)
    text = _read(spec)
    folder = spec.parent
    proto_root = "protos" if (folder / "protos").is_dir() else "."
    plan = plan_entity(entity_names(words, service_name(text), model, folder), model, proto_root)
    changed = add_to_spec(text, plan.entry)
    files = {folder / path: content for path, content in plan.files.items()}
    write_new(files)
    _replace(spec, changed)
    return list(files)


def _read(spec: Path) -> str:
    try:
        return spec.read_bytes().decode()
    except OSError as error:
        help_ = "run this in the folder of a `service.yaml`, or name one with --spec; `cloudstate init` makes a new one"
        raise ScaffoldRefused(f"cannot read `{spec}`: {error.strerror}", help=help_) from error
    except UnicodeDecodeError as error:
        raise ScaffoldRefused(f"`{spec}` is not UTF-8", help="save it as UTF-8") from error


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(text.encode())
    os.replace(temporary, path)
