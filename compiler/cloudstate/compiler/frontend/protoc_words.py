"""What to do about what protoc complains of, where that is known better than protoc says it."""

from __future__ import annotations

import re

_UNKNOWN_OPTION = re.compile(r'option "\((?P<name>[\w.]+)\)(?:\.[\w.]+)?" unknown\b.*', re.IGNORECASE)
_UNDEFINED = re.compile(r'"(?P<name>[\w.]+)" (?:is not defined|seems to be defined in "[^"]+").*')
_OPTIONS = {
    "cloudstate.entity_key": "cloudstate/entity_key.proto",
    "cloudstate.eventing": "cloudstate/eventing.proto",
    "cloudstate.entity": "cloudstate/annotations.proto",
    "cloudstate.command": "cloudstate/annotations.proto",
    "google.api.http": "google/api/annotations.proto",
}
_TYPES = {
    "google.api.HttpBody": "google/api/httpbody.proto",
    "google.protobuf.Any": "google/protobuf/any.proto",
    "google.protobuf.Duration": "google/protobuf/duration.proto",
    "google.protobuf.Empty": "google/protobuf/empty.proto",
    "google.protobuf.FieldMask": "google/protobuf/field_mask.proto",
    "google.protobuf.Struct": "google/protobuf/struct.proto",
    "google.protobuf.Timestamp": "google/protobuf/timestamp.proto",
}


def way_out(complaint: str) -> str:
    """The help for a complaint of protoc, e.g. ``expected ";".``"""
    option, name = _UNKNOWN_OPTION.match(complaint), _UNDEFINED.match(complaint)
    path = _OPTIONS.get(option["name"]) if option else _TYPES.get(name["name"]) if name else None
    if path is not None:
        return f'add `import "{path}";`'
    if complaint.lower().startswith('expected ";"'):
        return "perhaps it is the statement before that lacks its `;`"
    return "mend the .proto file"
