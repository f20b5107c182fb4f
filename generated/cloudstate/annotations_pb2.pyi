from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Model(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_UNSPECIFIED: _ClassVar[Model]
    MODEL_EVENT_SOURCED: _ClassVar[Model]
    MODEL_VALUE: _ClassVar[Model]
    MODEL_CRDT: _ClassVar[Model]
    MODEL_ACTION: _ClassVar[Model]

class CrdtType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CRDT_TYPE_UNSPECIFIED: _ClassVar[CrdtType]
    CRDT_TYPE_GCOUNTER: _ClassVar[CrdtType]
    CRDT_TYPE_PNCOUNTER: _ClassVar[CrdtType]
    CRDT_TYPE_GSET: _ClassVar[CrdtType]
    CRDT_TYPE_ORSET: _ClassVar[CrdtType]
    CRDT_TYPE_LWWREGISTER: _ClassVar[CrdtType]
    CRDT_TYPE_FLAG: _ClassVar[CrdtType]
    CRDT_TYPE_ORMAP: _ClassVar[CrdtType]
    CRDT_TYPE_VOTE: _ClassVar[CrdtType]

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EFFECT_UNSPECIFIED: _ClassVar[Effect]
    EFFECT_READ: _ClassVar[Effect]
    EFFECT_WRITE: _ClassVar[Effect]
MODEL_UNSPECIFIED: Model
MODEL_EVENT_SOURCED: Model
MODEL_VALUE: Model
MODEL_CRDT: Model
MODEL_ACTION: Model
CRDT_TYPE_UNSPECIFIED: CrdtType
CRDT_TYPE_GCOUNTER: CrdtType
CRDT_TYPE_PNCOUNTER: CrdtType
CRDT_TYPE_GSET: CrdtType
CRDT_TYPE_ORSET: CrdtType
CRDT_TYPE_LWWREGISTER: CrdtType
CRDT_TYPE_FLAG: CrdtType
CRDT_TYPE_ORMAP: CrdtType
CRDT_TYPE_VOTE: CrdtType
EFFECT_UNSPECIFIED: Effect
EFFECT_READ: Effect
EFFECT_WRITE: Effect
ENTITY_FIELD_NUMBER: _ClassVar[int]
entity: _descriptor.FieldDescriptor
COMMAND_FIELD_NUMBER: _ClassVar[int]
command: _descriptor.FieldDescriptor

class EntityOptions(_message.Message):
    __slots__ = ("model", "type", "state", "events", "snapshot_every", "passivation_ms", "crdt", "idempotency_window")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_EVERY_FIELD_NUMBER: _ClassVar[int]
    PASSIVATION_MS_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    CRDT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_WINDOW_FIELD_NUMBER: _ClassVar[int]
    model: Model
    type: str
    state: str
    events: _containers.RepeatedScalarFieldContainer[str]
    snapshot_every: int
    passivation_ms: int
    crdt: CrdtType
    idempotency_window: int
    def __init__(self, model: _Optional[_Union[Model, str]] = ..., type: _Optional[str] = ..., state: _Optional[str] = ..., events: _Optional[_Iterable[str]] = ..., snapshot_every: _Optional[int] = ..., passivation_ms: _Optional[int] = ..., crdt: _Optional[_Union[CrdtType, str]] = ..., idempotency_window: _Optional[int] = ..., **kwargs) -> None: ...

class CommandOptions(_message.Message):
    __slots__ = ("effect", "emits")
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    EMITS_FIELD_NUMBER: _ClassVar[int]
    effect: Effect
    emits: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, effect: _Optional[_Union[Effect, str]] = ..., emits: _Optional[_Iterable[str]] = ...) -> None: ...
