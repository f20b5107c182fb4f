"""What a service is, as the runtime needs to know it. Start at ``service.py``; ``compiled.py`` reads it from files."""

from cloudstate.runtime.description.compiled import load
from cloudstate.runtime.description.options import entity_key, http_rule
from cloudstate.runtime.description.schema import Schema
from cloudstate.runtime.description.service import (
    CommandDescription,
    EntityDescription,
    Model,
    Placement,
    ServiceDescription,
    StoreDescription,
)

__all__ = [
    "CommandDescription",
    "EntityDescription",
    "Model",
    "Placement",
    "Schema",
    "ServiceDescription",
    "StoreDescription",
    "entity_key",
    "http_rule",
    "load",
]
