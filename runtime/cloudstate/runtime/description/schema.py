"""The protobuf types of one service, in a descriptor pool of their own.

A private pool, because names are the author's: two services in one process, or a service and this runtime, may each
have a ``domain.proto``.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from cloudstate.runtime.description.files import in_order
from cloudstate.runtime.errors import ServiceInvalid

_RECOMPILE = "compile the spec again, or check that the descriptors belong to this service"


class Schema:
    """Message types, services and methods by full name. Immutable after construction."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        """Link the files, which may come in any order.

        Raises:
            ServiceInvalid: the set is incomplete, circular, or protobuf refuses a file of it.
        """
        self.files = in_order(files)
        self.pool = DescriptorPool()
        for file in self.files:
            try:
                self.pool.AddSerializedFile(file.SerializeToString())
            except (TypeError, ValueError) as error:
                raise ServiceInvalid(f"`{file.name}` cannot be linked: {error}", help=_RECOMPILE) from error

    @classmethod
    def parse(cls, data: bytes, source: str) -> Schema:
        """Decode an encoded FileDescriptorSet; ``source`` says in errors where it came from.

        Raises:
            ServiceInvalid: the bytes are not a descriptor set, or as for the constructor.
        """
        try:
            files = FileDescriptorSet.FromString(data).file
        except DecodeError as error:
            raise ServiceInvalid(f"{source} is not a FileDescriptorSet: {error}", help=_RECOMPILE) from error
        if not files:
            raise ServiceInvalid(f"{source} holds no files", help=_RECOMPILE)
        return cls(files)

    def message(self, full_name: str) -> Descriptor:
        """The message type of that name.

        Raises:
            ServiceInvalid: there is none.
        """
        try:
            return self.pool.FindMessageTypeByName(full_name)
        except KeyError:
            raise ServiceInvalid(f"the descriptors hold no message `{full_name}`", help=_RECOMPILE) from None

    def message_class(self, full_name: str) -> type[Message]:
        """The Python class of that message type; the same one at each call. Raises as ``message``."""
        return message_factory.GetMessageClass(self.message(full_name))

    def service(self, full_name: str) -> ServiceDescriptor:
        """The gRPC service of that name.

        Raises:
            ServiceInvalid: there is none.
        """
        try:
            return self.pool.FindServiceByName(full_name)
        except KeyError:
            raise ServiceInvalid(f"the descriptors hold no service `{full_name}`", help=_RECOMPILE) from None

    def method(self, service: str, name: str) -> MethodDescriptor:
        """The method ``name`` of ``service``; it knows its input and output types and which sides stream.

        Raises:
            ServiceInvalid: there is none.
        """
        methods = self.service(service).methods_by_name
        if name not in methods:
            raise ServiceInvalid(f"service `{service}` has no method `{name}`", help=_RECOMPILE)
        return methods[name]
