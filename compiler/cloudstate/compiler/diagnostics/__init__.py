"""Diagnostics: findings are values that are collected, sorted and rendered once. Start reading at ``diagnostic.py``.

``codes.py`` is the catalogue, ``explain/`` has a page for each entry, ``render/`` the formats.
"""

from cloudstate.compiler.diagnostics.diagnostic import Code, Diagnostic, Edit, Label, Severity
from cloudstate.compiler.diagnostics.sink import Sink
from cloudstate.compiler.diagnostics.spelling import closest, closest_name

__all__ = ["Code", "Diagnostic", "Edit", "Label", "Severity", "Sink", "closest", "closest_name"]
