"""What a 409 of a server-side apply says: which fields, and who has them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"(?: with subresource "([^"]*)")?')


class Conflict(NamedTuple):
    """A field that somebody else has set to another value."""

    manager: str
    field: str

    def __str__(self) -> str:
        return f"`{self.field}` belongs to `{self.manager}`"


def conflicts_of(status: Mapping[str, Any]) -> tuple[Conflict, ...]:
    """The conflicts that a ``Status`` lists; none, if it is a 409 of another cause."""
    causes = (status.get("details") or {}).get("causes") or ()
    found = []
    for cause in causes:
        if cause.get("reason") == "FieldManagerConflict":
            match = _MANAGER.search(cause.get("message", ""))
            found.append(Conflict(match[1] if match else "unknown", str(cause.get("field", "")).removeprefix(".")))
    return tuple(found)
