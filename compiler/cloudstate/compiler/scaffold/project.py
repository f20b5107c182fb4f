"""A new project: one entity, a spec, a test, and what tools need to find them."""

from __future__ import annotations

from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold.entity import plan_entity
from cloudstate.compiler.scaffold.naming import entity_names, entity_words, project_name
from cloudstate.compiler.scaffold.render import render


def plan_project(name: str, model: Model) -> dict[str, str]:
    """All files of a new project by their path below its folder.

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
    project = {path: render(f"project/{template}.j2", **values) for path, template in files.items()}
    return project | entity.files


#: What the README calls over HTTP: the end of the path, and the body.
_CALLS = {
    Model.EVENT_SOURCED: ("one/increase", '{"amount": 3}'),
    Model.VALUE: ("one/text", '{"text": "hello"}'),
    Model.ACTION: ("greet", '{"name": "Ada"}'),
}
