"""gRPC server reflection, v1 and v1alpha, which differ in package and, here, in two answers.

v1alpha answers as the reference does, because clients and the compatibility kit compare (protocol.md section 2.2):
the list holds itself and then the user's services, sorted, and an unknown symbol gives an *empty* file list. v1 is new
here, so nothing depends on it: it lists everything that is served and says NOT_FOUND, which is what its specification
asks for and what grpcurl and similar tools, which try v1 first, show as a sentence instead of failing on an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from cloudstate.runtime.description import Schema, ServiceDescription
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.proxy import health
from cloudstate.runtime.transport import CallFailed, Method, Status, StreamCall, StreamMethod

ALPHA = "grpc.reflection.v1alpha.ServerReflection"
V1 = "grpc.reflection.v1.ServerReflection"


class Reflection:
    """Answers questions about the service's descriptors, and about those of the services that the runtime adds."""

    def __init__(self, description: ServiceDescription) -> None:
        own = Schema([*_reflection_files(), _proto(health_pb2.DESCRIPTOR)])
        self._schemas = (description.schema, own)
        self._files = {file.name: file for schema in reversed(self._schemas) for file in schema.files}
        self._services = sorted(entity.service for entity in description.entities)

    def methods(self) -> dict[str, Method]:
        """The gRPC methods by path."""
        return {
            f"/{ALPHA}/ServerReflectionInfo": _method(self.answer_alpha),
            f"/{V1}/ServerReflectionInfo": _method(self.answer_v1),
        }

    def answer_alpha(self, request: ServerReflectionRequest) -> ServerReflectionResponse:
        """The answer to one request of v1alpha."""
        response = self._answer(request, [ALPHA, *self._services])
        if response.WhichOneof("message_response") is None:
            response.file_descriptor_response.SetInParent()
        return response

    def answer_v1(self, request: ServerReflectionRequest) -> ServerReflectionResponse:
        """The answer to one request of v1; the messages of both versions are the same on the wire."""
        response = self._answer(request, [V1, ALPHA, health.SERVICE, *self._services])
        if response.WhichOneof("message_response") is None:
            response.error_response.error_code = StatusCode.NOT_FOUND
            response.error_response.error_message = f"no descriptor for: {str(request).strip()}"
        return response

    def _answer(self, request: ServerReflectionRequest, services: list[str]) -> ServerReflectionResponse:
        """Everything but the answer for what is not there, which is left unset."""
        response = ServerReflectionResponse(valid_host=request.host, original_request=request)
        match request.WhichOneof("message_request"):
            case "list_services":
                for name in services:
                    response.list_services_response.service.add(name=name)
            case "file_by_filename":
                self._give_file(response, request.file_by_filename)
            case "file_containing_symbol":
                self._give_file(response, self._file_of_symbol(request.file_containing_symbol))
            case "file_containing_extension":
                extension = request.file_containing_extension
                self._give_file(
                    response, self._file_of_extension(extension.containing_type, extension.extension_number)
                )
            case "all_extension_numbers_of_type":
                self._give_extensions(response, request.all_extension_numbers_of_type)
            case _:
                response.error_response.error_code = StatusCode.INVALID_ARGUMENT
                response.error_response.error_message = "the request asks nothing"
        return response

    def _give_file(self, response: ServerReflectionResponse, name: str) -> None:
        """Add the file and all that it needs, dependants first, so that a client need not ask again."""
        if name not in self._files:
            return
        names = [name]
        for known in names:
            names.extend(needed for needed in self._files[known].dependency if needed not in names)
        response.file_descriptor_response.file_descriptor_proto.extend(
            self._files[known].SerializeToString() for known in names
        )

    def _file_of_symbol(self, symbol: str) -> str:
        """Messages, fields, enums, their values, extensions and services; then methods, which that search misses."""
        return self._first(lambda schema: schema.pool.FindFileContainingSymbol(symbol)) or self._first(
            lambda schema: schema.pool.FindMethodByName(symbol).containing_service.file
        )

    def _file_of_extension(self, message: str, number: int) -> str:
        def find(schema: Schema) -> FileDescriptor:
            pool: Any = schema.pool  # the stubs know no file of a field
            file: FileDescriptor = pool.FindExtensionByNumber(pool.FindMessageTypeByName(message), number).file
            return file

        return self._first(find)

    def _first(self, find: Callable[[Schema], FileDescriptor]) -> str:
        for schema in self._schemas:
            try:
                return str(find(schema).name)
            except KeyError:
                continue
        return ""

    def _give_extensions(self, response: ServerReflectionResponse, message: str) -> None:
        for schema in self._schemas:
            try:
                containing = schema.pool.FindMessageTypeByName(message)
            except KeyError:
                continue
            numbers = sorted(field.number for field in schema.pool.FindAllExtensions(containing))
            response.all_extension_numbers_response.base_type_name = message
            response.all_extension_numbers_response.extension_number.extend(numbers)
            return


def _method(answer: Callable[[ServerReflectionRequest], ServerReflectionResponse]) -> Method:
    async def handle(call: StreamCall) -> None:
        async for payload in call:
            try:
                request = ServerReflectionRequest.FromString(payload)
            except DecodeError:
                status = Status(StatusCode.INVALID_ARGUMENT, "the request is not a ServerReflectionRequest")
                raise CallFailed(status) from None
            await call.send(answer(request).SerializeToString())

    return StreamMethod(handle)


def _reflection_files() -> Iterable[FileDescriptorProto]:
    """The file of v1alpha, and that of v1, which is the same under another name and package."""
    alpha = _proto(reflection_pb2.DESCRIPTOR)
    text = text_format.MessageToString(alpha).replace("v1alpha", "v1")
    return alpha, text_format.Parse(text, FileDescriptorProto())


def _proto(file: Any) -> FileDescriptorProto:
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    return proto
