"""The fingerprint of a message type: it changes when, and only when, the fields that it can hold do."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor


def fingerprint(message: Any) -> str:
    """Sixteen hexadecimal digits for a message with everything that it refers to; comments and order do not count."""
    found: dict[str, list[str]] = {}
    pending: list[Descriptor | EnumDescriptor] = [message]
    while pending:
        kind = pending.pop()
        if kind.full_name in found:
            continue
        if isinstance(kind, EnumDescriptor):
            found[kind.full_name] = sorted(f"{value.number} {value.name}" for value in kind.values)
            continue
        found[kind.full_name] = sorted(map(_text, kind.fields))
        for field in kind.fields:
            refers = field.message_type or field.enum_type
            if refers is not None:
                pending.append(refers)
    digest = blake2b(digest_size=8)
    for name in sorted(found):
        digest.update("\n".join((name, *found[name], "")).encode())
    return digest.hexdigest()


def _text(field: FieldDescriptor) -> str:
    refers = field.message_type or field.enum_type
    oneof = field.containing_oneof
    parts = (
        field.number,
        field.name,
        field.type,
        field.is_repeated,
        field.has_presence,
        refers.full_name if refers is not None else "",
        oneof.name if oneof is not None else "",
    )
    return " ".join(map(str, parts))
