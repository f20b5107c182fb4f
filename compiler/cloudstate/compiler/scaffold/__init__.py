"""New projects and new entities: files that are written once and then belong to the author.

Start reading at ``project.py`` and ``add.py``; ``spec_edit.py`` puts an entry into a spec without touching the rest.
"""

from cloudstate.compiler.scaffold.add import add_entity
from cloudstate.compiler.scaffold.entity import MODELS
from cloudstate.compiler.scaffold.errors import BadName, ScaffoldRefused
from cloudstate.compiler.scaffold.project import plan_project
from cloudstate.compiler.scaffold.spec_edit import SpecEntry, add_to_spec
from cloudstate.compiler.scaffold.write import write_new

__all__ = [
    "MODELS",
    "BadName",
    "ScaffoldRefused",
    "SpecEntry",
    "add_entity",
    "add_to_spec",
    "plan_project",
    "write_new",
]
