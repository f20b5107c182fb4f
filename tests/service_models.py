"""Service models for tests of the backends, read from the folder of a spec that is right: nothing is checked."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google.api
import grpc_tools
import yaml
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc

from cloudstate import entity_key_pb2
from cloudstate.compiler.model import (
    Autoscale,
    Command,
    CommandEffect,
    Deployment,
    Entity,
    MessageType,
    Model,
    Placement,
    ProtoFile,
    Resources,
    Service,
    Store,
    StoreKind,
    Upcaster,
)

_INCLUDES = (
    Path(__file__).parents[1] / "protocols",
    Path(grpc_tools.__file__).parent / "_proto",
    Path(next(iter(google.api.__path__))).parents[1],
)
_INSTALLED = ("google/protobuf/", "google/api/", "cloudstate/")
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000}


def read_service(folder: Path) -> Service:
    """The model of the service whose spec is ``folder/service.yaml``."""
    document = yaml.safe_load((folder / "service.yaml").read_text())
    spec = document["spec"]
    files = compile_files(folder / "protos", spec["protos"])
    types = _Types(files)
    for file in files.file:
        file.ClearField("source_code_info")
    store, deploy = spec.get("store", {}), spec.get("deploy", {})
    return Service(
        name=document["metadata"]["name"],
        entities=tuple(types.entity(entry) for entry in spec["entities"]),
        files=tuple(types.files.values()),
        descriptors=files.SerializeToString(deterministic=True),
        placement=Placement(spec.get("placement", "embedded")),
        store=Store(StoreKind(store.get("kind", "sqlite")), store.get("secret")),
        deployment=_deployment(deploy),
        shards=spec.get("shards", 256),
        digest="0123456789abcdef",
    )


def compile_files(root: Path, protos: list[str]) -> FileDescriptorSet:
    """The descriptors of ``protos`` below ``root`` and of all that they import, with comments."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "set.binpb"
        arguments = ["protoc", f"-I{root}", *(f"-I{include}" for include in _INCLUDES), "--include_imports"]
        arguments += ["--include_source_info", f"--descriptor_set_out={result}", *protos]
        assert protoc.main(arguments) == 0
        return FileDescriptorSet.FromString(result.read_bytes())


def _deployment(deploy: dict[str, Any]) -> Deployment:
    return Deployment(
        image=deploy.get("image"),
        replicas=deploy.get("replicas", 1),
        autoscale=Autoscale(**deploy["autoscale"]) if "autoscale" in deploy else None,
        mesh=deploy.get("mesh", "none"),
        callers=tuple(deploy.get("callers", ())),
        resources=Resources(**deploy.get("resources", {})),
        cluster=deploy.get("cluster", {}).get("secret"),
    )


class _Types:
    def __init__(self, descriptors: FileDescriptorSet) -> None:
        self.files: dict[str, ProtoFile] = {}
        self._messages: dict[str, tuple[MessageType, DescriptorProto]] = {}
        self._services: dict[str, tuple[ServiceDescriptorProto, str, list[str]]] = {}
        for descriptor in descriptors.file:
            file = ProtoFile(descriptor.name, descriptor.package, not descriptor.name.startswith(_INSTALLED))
            self.files[file.path] = file
            comments = _comments(descriptor)
            for index, message in enumerate(descriptor.message_type):
                for type_, nested in _walk(message, file, (), (4, index), comments):
                    self._messages[type_.full_name] = (type_, nested)
            for index, service in enumerate(descriptor.service):
                rpcs = [comments.get((6, index, 2, rpc), "") for rpc in range(len(service.method))]
                self._services[_join(file.package, service.name)] = (service, comments.get((6, index), ""), rpcs)

    def _upcaster(self, entry: dict[str, str]) -> Upcaster:
        source, _ = self._messages.get(entry["from"], (None, None))
        return Upcaster(entry["from"], source, self._messages[entry["to"]][0])

    def entity(self, entry: dict[str, Any]) -> Entity:
        service, docs, rpc_docs = self._services[entry["service"]]
        events = tuple(self._messages[name][0] for name in entry.get("events", ()))
        amount, unit = re.fullmatch(r"(\d+)(ms|s|m)", entry.get("passivation", "30s")).groups()  # type: ignore[union-attr]
        commands = []
        for method, comment in zip(service.method, rpc_docs, strict=True):
            input_, fields = self._messages[method.input_type[1:]]
            effect = entry.get("commands", {}).get(method.name, {}).get("effect")
            commands.append(
                Command(
                    name=method.name,
                    input=input_,
                    output=self._messages[method.output_type[1:]][0],
                    key=tuple(field.name for field in fields.field if _is_key(field)),
                    client_streaming=method.client_streaming,
                    server_streaming=method.server_streaming,
                    effect=CommandEffect(effect) if effect else None,
                    docs=comment,
                )
            )
        return Entity(
            service=entry["service"],
            model=Model(entry["model"]),
            type=entry.get("type", entry["service"]),
            implementation=entry.get("class", f"{service.name.lower()}.{service.name}"),
            commands=tuple(commands),
            state=self._messages[entry["state"]][0] if "state" in entry else None,
            crdt=entry.get("crdt"),
            events=events,
            snapshot_every=entry.get("snapshot", {}).get("every", 100),
            passivation_ms=int(amount) * _UNITS[unit],
            docs=docs,
            upcasters=tuple(map(self._upcaster, entry.get("upcasters", ()))),
        )


def _is_key(field: FieldDescriptorProto) -> bool:
    extension: Any = entity_key_pb2.entity_key
    return bool(field.options.Extensions[extension])


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {tuple(it.path): _text(it.leading_comments) for it in file.source_code_info.location if it.leading_comments}


def _text(comment: str) -> str:
    return "\n".join(line.removeprefix(" ") for line in comment.split("\n")).strip("\n")


def _walk(
    message: DescriptorProto,
    file: ProtoFile,
    outer: tuple[str, ...],
    path: tuple[int, ...],
    comments: dict[tuple[int, ...], str],
) -> Iterator[tuple[MessageType, DescriptorProto]]:
    nesting = (*outer, message.name)
    yield MessageType(_join(file.package, *nesting), file, nesting, comments.get(path, "")), message
    for index, nested in enumerate(message.nested_type):
        yield from _walk(nested, file, nesting, (*path, 3, index), comments)
