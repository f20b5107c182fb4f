"""Names that a spec may leave out."""

from __future__ import annotations

import keyword
import re

from cloudstate.compiler.model.entity import Model
from cloudstate.compiler.model.spec import EntitySpec

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def implementation_of(entity: EntitySpec) -> str:
    """``module.Class`` of the author's class: ``shopping_cart.ShoppingCart`` where the spec does not say."""
    if entity.implementation is not None:
        return entity.implementation.value
    module = _WORD_START.sub("_", entity.name).lower()
    return f"{module}_.{entity.name}" if keyword.iskeyword(module) else f"{module}.{entity.name}"


def type_of(entity: EntitySpec) -> str:
    """The persistence id; actions store nothing and are known by their service."""
    if entity.type is not None:
        return entity.type.value
    is_action = entity.model.value is Model.ACTION
    return entity.service.value.full_name if is_action else _WORD_START.sub("-", entity.name).lower()


def service_name_of(stem: str) -> str:
    """The name of a service whose only spec is a .proto file: ``shopping-cart`` for ``shopping_cart.proto``."""
    return _WORD_START.sub("-", stem).lower().replace("_", "-").replace(".", "-")
