from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import Any as _Any, ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LineItem(_message.Message):
    __slots__ = ("productId", "name", "quantity")
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    productId: str
    name: str
    quantity: int
    def __init__(self, productId: _Optional[str] = ..., name: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ItemAdded(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: LineItem
    def __init__(self, item: _Optional[_Union[LineItem, _Mapping[str, _Any]]] = ...) -> None: ...

class ItemRemoved(_message.Message):
    __slots__ = ("productId",)
    PRODUCTID_FIELD_NUMBER: _ClassVar[int]
    productId: str
    def __init__(self, productId: _Optional[str] = ...) -> None: ...

class Cart(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[LineItem]
    def __init__(self, items: _Optional[_Iterable[_Union[LineItem, _Mapping[str, _Any]]]] = ...) -> None: ...
