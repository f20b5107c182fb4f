"""Reads what the compiler wrote for a service: ``service.json`` and ``service.binpb`` in one directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cloudstate.runtime.description.schema import Schema
from cloudstate.runtime.description.service import (
    CommandDescription,
    EntityDescription,
    Model,
    Placement,
    ServiceDescription,
    StoreDescription,
)
from cloudstate.runtime.errors import ServiceInvalid

#: The only format that this version reads.
FORMAT = "cloudstate.io/service/v1"

_T = TypeVar("_T")


def load(directory: Path) -> ServiceDescription:
    """The service that was compiled into ``directory`` (e.g. ``generated/shopping-cart``).

    Raises:
        ServiceInvalid: a file is missing, damaged, of another format version, or the two do not fit together.
    """
    path = directory / "service.json"
    root = _Node(_json(path), path, "")
    _check_format(root)
    binary = directory / "service.binpb"
    schema = Schema.parse(_bytes(binary), f"`{binary}`")
    store = root.node("store")
    try:
        return ServiceDescription(
            name=root.text("name"),
            package=root.text("package"),
            digest=root.text("digest"),
            placement=root.member("placement", Placement),
            shards=root.number("shards"),
            store=StoreDescription(store.text("kind"), store.text_or_none("secret")),
            entities=tuple(_entity(node) for node in root.nodes("entities")),
            schema=schema,
        )
    except ServiceInvalid as error:
        raise error if str(directory) in error.args[0] else _located(directory, error) from None


def _located(directory: Path, error: ServiceInvalid) -> ServiceInvalid:
    return ServiceInvalid(f"`{directory}`: {error.args[0]}", help=error.help)


def _entity(node: _Node) -> EntityDescription:
    return EntityDescription(
        service=node.text("service"),
        model=node.member("model", Model),
        type=node.text("type"),
        implementation=node.text("implementation"),
        state=node.text_or_none("state"),
        events=node.texts("events"),
        snapshot_every=node.number("snapshot_every"),
        passivation_ms=node.number("passivation_ms"),
        crdt=node.text_or_none("crdt"),
        idempotency_window=node.number_or_none("idempotency_window"),
        commands=tuple(_command(command) for command in node.nodes("commands")),
    )


def _command(node: _Node) -> CommandDescription:
    return CommandDescription(
        name=node.text("name"),
        input=node.text("input"),
        output=node.text("output"),
        key=node.texts("key"),
        client_streaming=node.flag("client_streaming"),
        server_streaming=node.flag("server_streaming"),
        effect=node.text_or_none("effect"),
        emits=node.texts("emits"),
    )


def _check_format(root: _Node) -> None:
    found = root.text("format")
    if found != FORMAT:
        raise ServiceInvalid(
            f"`{root.file}` has the format `{found}`, this version reads `{FORMAT}`",
            help="compile the spec with the compiler of this version: `cloudstate compile <spec directory>`",
        )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ServiceInvalid(
            f"`{path}` cannot be read: {error.strerror}",
            help="give the directory that `cloudstate compile` wrote, e.g. generated/<service name>",
        ) from error


def _json(path: Path) -> object:
    try:
        parsed: object = json.loads(_bytes(path))
    except ValueError as error:
        raise ServiceInvalid(f"`{path}` is not JSON: {error}", help=_DAMAGED) from error
    return parsed


_DAMAGED = "the file is written by the compiler, not by hand: compile the spec again"


@dataclass(frozen=True, slots=True)
class _Node:
    """A JSON object that knows where it is, for errors that say so."""

    value: object
    file: Path
    where: str

    def _get(self, key: str, expected: type[_T]) -> _T:
        if not isinstance(self.value, dict):
            raise self._damaged(self.where or "the document", "an object", self.value)
        found = self.value.get(key)
        # bool is an int to isinstance, but not to JSON
        if not isinstance(found, expected) or (expected is int and isinstance(found, bool)):
            raise self._damaged(f"{self.where}{key}", _KINDS[expected], found)
        return found

    def _damaged(self, where: str, expected: str, found: object) -> ServiceInvalid:
        text = "nothing" if found is None else f"`{found!r:.40}`"
        return ServiceInvalid(f"`{self.file}`: `{where}` must be {expected}, found {text}", help=_DAMAGED)

    def text(self, key: str) -> str:
        return self._get(key, str)

    def text_or_none(self, key: str) -> str | None:
        if isinstance(self.value, dict) and self.value.get(key) is None:
            return None
        return self._get(key, str)

    def number(self, key: str) -> int:
        return self._get(key, int)

    def number_or_none(self, key: str) -> int | None:
        if isinstance(self.value, dict) and self.value.get(key) is None:
            return None
        return self._get(key, int)

    def flag(self, key: str) -> bool:
        return self._get(key, bool)

    def texts(self, key: str) -> tuple[str, ...]:
        items = self._get(key, list)
        for index, item in enumerate(items):
            if not isinstance(item, str):
                raise self._damaged(f"{self.where}{key}[{index}]", "a string", item)
        return tuple(items)

    def node(self, key: str) -> _Node:
        return _Node(self._get(key, dict), self.file, f"{self.where}{key}.")

    def nodes(self, key: str) -> list[_Node]:
        items = self._get(key, list)
        return [_Node(item, self.file, f"{self.where}{key}[{index}].") for index, item in enumerate(items)]

    def member(self, key: str, kind: type[_Member]) -> _Member:
        found = self.text(key)
        try:
            return kind(found)
        except ValueError:
            known = ", ".join(kind)
            raise self._damaged(f"{self.where}{key}", f"one of {known}", found) from None


_Member = TypeVar("_Member", Model, Placement)
_KINDS: dict[type, str] = {str: "a string", int: "a number", bool: "true or false", list: "a list", dict: "an object"}
