from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Celsius(_message.Message):
    __slots__ = ("degrees",)
    DEGREES_FIELD_NUMBER: _ClassVar[int]
    degrees: float
    def __init__(self, degrees: _Optional[float] = ...) -> None: ...

class Fahrenheit(_message.Message):
    __slots__ = ("degrees",)
    DEGREES_FIELD_NUMBER: _ClassVar[int]
    degrees: float
    def __init__(self, degrees: _Optional[float] = ...) -> None: ...

class CelsiusRange(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class CountedCelsius(_message.Message):
    __slots__ = ("counter_id", "degrees", "wait")
    COUNTER_ID_FIELD_NUMBER: _ClassVar[int]
    DEGREES_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    counter_id: str
    degrees: float
    wait: bool
    def __init__(self, counter_id: _Optional[str] = ..., degrees: _Optional[float] = ..., wait: _Optional[bool] = ...) -> None: ...

class GetCountRequest(_message.Message):
    __slots__ = ("counter_id",)
    COUNTER_ID_FIELD_NUMBER: _ClassVar[int]
    counter_id: str
    def __init__(self, counter_id: _Optional[str] = ...) -> None: ...
