"""The one YAML writer: keys in the order of the dict, no anchors, quotes around what YAML readers could misread.

Nearly all manifests are made of simple words and are written here, in the form that PyYAML gives them; one that has a
text of several lines or of unusual characters is left to PyYAML as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import yaml

Manifest: TypeAlias = dict[str, Any]

#: Strings that are strings for every reader of YAML 1.1 and 1.2: a letter or slash first, no indicator anywhere.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
#: What can stand between double quotes as it is, in one line.
_QUOTABLE = re.compile(r"[ !#-\[\]-~]{0,1000}")
_LONGEST_KEY = 100


class _Unusual(Exception):
    """There is a value that PyYAML has to write."""


def dump(manifest: Mapping[str, Any], header: str) -> bytes:
    """``manifest`` as YAML under ``header``, a comment."""
    try:
        text = "".join(f"{line}\n" for line in _lines(manifest)) or "{}\n"
    except _Unusual:
        text = dump_any(manifest)
    return f"{header}\n{text}".encode()


def _lines(value: Any) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY:
                raise _Unusual
            if _is_block(inner):
                yield f"{_scalar(key)}:"
                indent = "  " if isinstance(inner, Mapping) else ""
                yield from (f"{indent}{line}" for line in _lines(inner))
            else:
                yield f"{_scalar(key)}: {_scalar(inner)}"
    else:
        for inner in value:
            lines = _lines(inner) if _is_block(inner) else iter([_scalar(inner)])
            yield f"- {next(lines)}"
            yield from (f"  {line}" for line in lines)


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping | list) and bool(value)


def _scalar(value: Any) -> str:
    match value:
        case str():
            if _is_plain(value):
                return value
            if _QUOTABLE.fullmatch(value):
                return f'"{value}"'
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case None:
            return "null"
        case Mapping():
            return "{}"
        case list():
            return "[]"
    raise _Unusual


def _is_plain(value: str) -> bool:
    return _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if _is_plain(value) else '"')


_Dumper.add_representer(str, _string)


def dump_any(manifest: Mapping[str, Any]) -> str:
    """The same by PyYAML, whatever is in it."""
    return yaml.dump(dict(manifest), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
