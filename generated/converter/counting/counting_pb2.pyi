from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class IncreaseRequest(_message.Message):
    __slots__ = ("counter_id", "by")
    COUNTER_ID_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    counter_id: str
    by: int
    def __init__(self, counter_id: _Optional[str] = ..., by: _Optional[int] = ...) -> None: ...

class GetTotalRequest(_message.Message):
    __slots__ = ("counter_id",)
    COUNTER_ID_FIELD_NUMBER: _ClassVar[int]
    counter_id: str
    def __init__(self, counter_id: _Optional[str] = ...) -> None: ...

class Increased(_message.Message):
    __slots__ = ("by",)
    BY_FIELD_NUMBER: _ClassVar[int]
    by: int
    def __init__(self, by: _Optional[int] = ...) -> None: ...

class Total(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: int
    def __init__(self, value: _Optional[int] = ...) -> None: ...
