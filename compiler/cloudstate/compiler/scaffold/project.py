"""A new project: one entity, a spec, a test, and what tools need to find them."""

from __future__ import annotations

from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold.entity import plan_entity
from cloudstate.compiler.scaffold.naming import entity_names, entity_words, project_name
from cloudstate.compiler.scaffold.render import render

#: Where editors find the JSON Schema of the spec, which is named in its first line.
SCHEMA_FILE = "spec.schema.json"


def plan_project(name: str, model: Model, schema: str) -> dict[str, str]:
    """All files of a new project by their path below its folder.

    Args:
        name: the service's name.
        model: how its first entity keeps its state.
        schema: the JSON Schema of specs.

    Raises:
        BadName: the name cannot be used.
    """
    service = project_name(name)
    names = entity_names(entity_words(service), service, model)
    entity = plan_entity(names, model)
    files = {
        ".gitignore": "gitignore",
        "README.md": "README.md",
        "pyproject.toml": "pyproject.toml",
        "service.yaml": "service.yaml",
    }
    values = {"name": service, "names": names, "entry": entity.entry.lines, "call": _CALLS[model]}
    values["schema"] = SCHEMA_FILE
    project = {path: render(f"project/{template}.j2", **values) for path, template in files.items()}
    return project | {SCHEMA_FILE: schema} | entity.files


#: What the README calls over HTTP: the end of the path, and the body.
_CALLS = {
    Model.EVENT_SOURCED: ("one/increase", '{"amount": 3}'),
    Model.VALUE: ("one/text", '{"text": "hello"}'),
    Model.ACTION: ("greet", '{"name": "Ada"}'),
}
