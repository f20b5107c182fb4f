from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import Any as _Any, ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Request(_message.Message):
    __slots__ = ("id", "actions")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    id: str
    actions: _containers.RepeatedCompositeFieldContainer[RequestAction]
    def __init__(self, id: _Optional[str] = ..., actions: _Optional[_Iterable[_Union[RequestAction, _Mapping[str, _Any]]]] = ...) -> None: ...

class RequestAction(_message.Message):
    __slots__ = ("emit", "forward", "effect", "fail")
    EMIT_FIELD_NUMBER: _ClassVar[int]
    FORWARD_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    FAIL_FIELD_NUMBER: _ClassVar[int]
    emit: Emit
    forward: Forward
    effect: Effect
    fail: Fail
    def __init__(self, emit: _Optional[_Union[Emit, _Mapping[str, _Any]]] = ..., forward: _Optional[_Union[Forward, _Mapping[str, _Any]]] = ..., effect: _Optional[_Union[Effect, _Mapping[str, _Any]]] = ..., fail: _Optional[_Union[Fail, _Mapping[str, _Any]]] = ...) -> None: ...

class Emit(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: str
    def __init__(self, value: _Optional[str] = ...) -> None: ...

class Forward(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class Effect(_message.Message):
    __slots__ = ("id", "synchronous")
    ID_FIELD_NUMBER: _ClassVar[int]
    SYNCHRONOUS_FIELD_NUMBER: _ClassVar[int]
    id: str
    synchronous: bool
    def __init__(self, id: _Optional[str] = ..., synchronous: _Optional[bool] = ...) -> None: ...

class Fail(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class Persisted(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: str
    def __init__(self, value: _Optional[str] = ...) -> None: ...
