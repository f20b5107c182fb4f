"""Protobuf files and messages, reduced to what the backends need of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProtoFile:
    """One .proto file of the service or one that it imports.

    Attributes:
        path: as protoc knows it, e.g. ``shoppingcart/persistence/domain.proto``.
        package: e.g. ``com.example.shoppingcart.persistence``; "" if the file has none.
        generated: True if the compiler writes its pb2 module; False where an installed package already has it
            (``google/protobuf``, ``google/api``, ``cloudstate``).
    """

    path: str
    package: str
    generated: bool

    @property
    def module(self) -> str:
        """The Python module that protoc generates, e.g. ``shoppingcart.persistence.domain_pb2``."""
        return self.path.removesuffix(".proto").replace("-", "_").replace("/", ".") + "_pb2"


@dataclass(frozen=True, slots=True)
class MessageType:
    """One message type.

    Attributes:
        full_name: e.g. ``com.example.shoppingcart.Cart``.
        file: the file that declares it.
        nesting: the names from the file's top level down to the message, e.g. ``("Outer", "Inner")``.
        docs: its leading comment, "" if none.
    """

    full_name: str
    file: ProtoFile
    nesting: tuple[str, ...]
    docs: str = ""

    @property
    def name(self) -> str:
        """The short name."""
        return self.nesting[-1]
