"""Options that service authors write in their .proto files, read from descriptors.

Descriptors arrive with their options encoded, and whether a Python class for an option is registered in this process
is an accident. So options are re-read from their bytes, by field number.
"""

from __future__ import annotations

from typing import Any

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

#: Numbers of ``cloudstate.entity_key`` and of its older spelling in FieldOptions (protocol.md section 1.1).
ENTITY_KEY = 1080
LEGACY_ENTITY_KEY = 50002


def _key_options_class() -> type:
    """A message with the two key options as plain fields: it reads encoded FieldOptions and skips everything else."""
    boolean = descriptor_pb2.FieldDescriptorProto.TYPE_BOOL
    optional = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    fields = [
        descriptor_pb2.FieldDescriptorProto(name=name, number=number, type=boolean, label=optional)
        for name, number in (("entity_key", ENTITY_KEY), ("legacy_entity_key", LEGACY_ENTITY_KEY))
    ]
    message = descriptor_pb2.DescriptorProto(name="KeyOptions", field=fields)
    file = descriptor_pb2.FileDescriptorProto(name="key_options.proto", syntax="proto3", message_type=[message])
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("KeyOptions"))


_KeyOptions = _key_options_class()
_HTTP: Any = annotations_pb2.http  # its stub types an extension as a plain field descriptor


def is_entity_key(field: FieldDescriptor) -> bool:
    """True if the field carries ``(cloudstate.entity_key) = true`` or the legacy option."""
    options = _KeyOptions.FromString(field.GetOptions().SerializeToString())  # type: ignore[attr-defined]
    return bool(options.entity_key or options.legacy_entity_key)


def entity_key(message: Descriptor) -> tuple[str, ...]:
    """Names of the message's key fields, in the order of their declaration. Nested messages are not searched."""
    return tuple(field.name for field in message.fields if is_entity_key(field))


def http_rule(method: MethodDescriptor) -> http_pb2.HttpRule | None:
    """The method's ``google.api.http`` rule, or None if it has none."""
    options = descriptor_pb2.MethodOptions.FromString(method.GetOptions().SerializeToString())
    if not options.HasExtension(_HTTP):
        return None
    rule: http_pb2.HttpRule = options.Extensions[_HTTP]
    return rule
