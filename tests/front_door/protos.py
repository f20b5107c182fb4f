"""Compiles .proto text when a test needs it."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import google.api
import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

from cloudstate.runtime.description import (
    CommandDescription,
    EntityDescription,
    Model,
    Schema,
    ServiceDescription,
    entity_key,
)

_ROOT = Path(__file__).parents[2]
_INCLUDES = (
    _ROOT / "protocols",
    Path(grpc_tools.__file__).parent / "_proto",
    Path(next(iter(google.api.__path__))).parents[1],
)


def compile_protos(**sources: str) -> FileDescriptorSet:
    """The complete descriptor set of these files, dependencies first: ``compile_protos(shop="syntax = ...")``."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for name, text in sources.items():
            (root / f"{name}.proto").write_text(text)
        result = root / "set.binpb"
        arguments = ["protoc", f"-I{root}", *(f"-I{include}" for include in _INCLUDES)]
        arguments += ["--include_imports", f"--descriptor_set_out={result}", *(f"{name}.proto" for name in sources)]
        assert protoc.main(arguments) == 0
        return FileDescriptorSet.FromString(result.read_bytes())


@functools.cache
def shop_schema() -> Schema:
    """The types of ``shop.proto``."""
    return Schema(compile_protos(shop=(Path(__file__).parent / "shop.proto").read_text()).file)


@functools.cache
def shop() -> ServiceDescription:
    """The description of ``shop.proto`` with all of its methods served by one action."""
    return describe(shop_schema(), "test.shop.Shop")


def describe(schema: Schema, *services: str) -> ServiceDescription:
    """A description in which each of these gRPC services is an action."""
    return ServiceDescription(
        name="shop", schema=schema, entities=tuple(_action(schema, service) for service in services)
    )


def _action(schema: Schema, service: str) -> EntityDescription:
    return EntityDescription(
        service=service,
        model=Model.ACTION,
        type=service,
        commands=tuple(
            CommandDescription(
                name=method.name,
                input=method.input_type.full_name,
                output=method.output_type.full_name,
                key=entity_key(method.input_type),
                client_streaming=bool(method.client_streaming),
                server_streaming=bool(method.server_streaming),
            )
            for method in schema.service(service).methods
        ),
    )
