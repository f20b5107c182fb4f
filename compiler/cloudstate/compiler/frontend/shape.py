"""Whether a document has the shape of a spec, told by its JSON Schema: quick, and without pydantic.

It is only sure of a yes. Where it says no, the models of ``document`` decide, and say what is wrong.
``spec.schema.json`` is made of them: ``cloudstate schema`` prints it, and a test holds it against them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
#: Keywords that demand nothing.
_WORDS = frozenset({"title", "description", "default", "$defs", "$schema"})


def has_shape(document: object) -> bool:
    """Whether it is surely a spec, as far as shapes go."""
    return _fits(document, schema())


def entity_keys() -> frozenset[str]:
    """The keys of an entity."""
    return frozenset(schema()["$defs"]["EntityDocument"]["properties"])


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of specs."""
    text = Path(__file__).with_name("spec.schema.json").read_bytes()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _fits(value: Any, rules: Mapping[str, Any]) -> bool:
    # The type first: what the others ask can only be asked of a value of the right one.
    keywords = sorted(rules, key=lambda keyword: keyword != "type")
    return all(_keeps(value, keyword, rules[keyword], rules) for keyword in keywords)


def _keeps(value: Any, keyword: str, rule: Any, rules: Mapping[str, Any]) -> bool:
    """Whether a value keeps one rule; not, if the rule is unknown."""
    match keyword:
        case "type":
            return _is(value, [rule] if isinstance(rule, str) else rule)
        case "$ref":
            return _fits(value, schema()["$defs"][rule.rpartition("/")[2]])
        case "anyOf":
            return any(_fits(value, one) for one in rule)
        case "const" | "enum":
            return isinstance(value, str) and value in ([rule] if keyword == "const" else rule)
        case "properties":
            return all(_fits(inner, rule[key]) for key, inner in value.items() if key in rule)
        case "additionalProperties":
            others = [inner for key, inner in value.items() if key not in rules.get("properties", {})]
            return not others if rule is False else rule is not True and all(_fits(inner, rule) for inner in others)
        case "items":
            return all(_fits(inner, rule) for inner in value)
    return _is_within(value, keyword, rule)


def _is_within(value: Any, keyword: str, rule: Any) -> bool:
    match keyword:
        case "required":
            return all(key in value for key in rule)
        case "minItems":
            return bool(len(value) >= rule)
        case "minimum":
            return bool(value >= rule)
        case "maximum":
            return bool(value <= rule)
        case "pattern":
            return re.fullmatch(rule, value) is not None
    return keyword in _WORDS


def _is(value: Any, types: list[str]) -> bool:
    is_known = any(type(value) in _TYPES[name] for name in types)
    return (
        is_known and (not isinstance(value, str) or _is_text(value)) and (not isinstance(value, dict) or _named(value))
    )


def _named(mapping: dict[Any, Any]) -> bool:
    return all(_is(key, ["string"]) for key in mapping)


def _is_text(value: str) -> bool:
    """It has no halves of characters, which YAML can spell and nothing else can say."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
