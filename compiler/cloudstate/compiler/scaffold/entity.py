"""A new entity: its .proto file, the author's class, a first test, and the entry for the spec."""

from __future__ import annotations

from dataclasses import dataclass

from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold.naming import EntityNames
from cloudstate.compiler.scaffold.render import render
from cloudstate.compiler.scaffold.spec_edit import SpecEntry

#: The models that a first entity can be written for.
MODELS = (Model.EVENT_SOURCED, Model.VALUE, Model.ACTION)


@dataclass(frozen=True, slots=True)
class EntityPlan:
    """What a new entity needs.

    Attributes:
        files: by their path below the spec's folder.
        entry: what the spec must say.
    """

    files: dict[str, str]
    entry: SpecEntry


def plan_entity(names: EntityNames, model: Model, proto_root: str = "protos") -> EntityPlan:
    """Write a small, complete entity of the given model; ``proto_root`` is relative to the spec's folder."""
    return EntityPlan(
        files={
            f"{proto_root}/{names.proto}": render(f"{model.value}/entity.proto.j2", names=names),
            f"{names.module}.py": render(f"{model.value}/entity.py.j2", names=names),
            f"tests/test_{names.snake}.py": render(f"{model.value}/test.py.j2", names=names),
        },
        entry=SpecEntry(
            proto=names.proto,
            service=names.service,
            lines=tuple(render(f"{model.value}/entry.yaml.j2", names=names).splitlines()),
        ),
    )
