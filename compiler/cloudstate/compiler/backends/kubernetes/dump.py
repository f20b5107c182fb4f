"""The one YAML writer: keys in the order of the dict, no anchors, quotes around what YAML readers could misread."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import yaml

Manifest: TypeAlias = dict[str, Any]

#: Strings that are strings for every reader of YAML 1.1 and 1.2: a letter or slash first, no indicator anywhere.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    is_plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else '"')


_Dumper.add_representer(str, _string)


def dump(manifest: Mapping[str, Any], header: str) -> bytes:
    """``manifest`` as YAML under ``header``, a comment."""
    text = yaml.dump(dict(manifest), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return f"{header}\n{text}".encode()
