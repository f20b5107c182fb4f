"""Where the data was, and the store of ours that can take its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloudstate.compiler.diagnostics import Sink, codes
from cloudstate.compiler.migration.documents import Document
from cloudstate.compiler.migration.fields import Fields, or_empty, present
from cloudstate.compiler.migration.server import Server, server_of
from cloudstate.compiler.source import Located, Scalar

#: What a StatefulStore can be, as its documents and as people say it; the first one that is said counts.
_SECOND = {"inMemory": "memory", "cassandra": "Cassandra", "postgres": "PostgreSQL", "spanner": "Cloud Spanner"}
_FIRST = {"InMemory": "memory", "Cassandra": "Cassandra", "Postgres": "PostgreSQL"}
MEMORY = {"kind": "memory"}


@dataclass(frozen=True, slots=True)
class _Use:
    """What a service says of its store: its name, the database in it, the schema, the Secret."""

    store: Located[str]
    database: str = ""
    schema: str = ""
    secret: str = ""


def convert_store(document: Document, stores: dict[str, Document], sink: Sink) -> dict[str, Any]:
    """The ``store`` of a service's spec; empty where it cannot be known."""
    fields = Fields(sink)
    use = _use(document, fields)
    if use is None:
        found = codes.NO_STORE.at(document.name.span, name=document.name.value)
        sink.add(found.help("leave it for actions; choose `postgresql` or `jetstream` for entities that keep state"))
        return MEMORY
    store = stores.get(use.store.value)
    if store is None:
        found = codes.STORE_NOT_GIVEN.at(use.store.span, "used here", name=use.store.value)
        sink.add(found.help("give its document too; `kubectl get statefulstore -o yaml` prints it"))
        return {}
    return _converted(document, store, use, fields, sink)


def _use(document: Document, fields: Fields) -> _Use | None:
    second = fields.mapping(document.spec, "storeConfig")
    first = fields.mapping(document.spec, "datastore")
    if second is not None:
        name = fields.text(fields.mapping(second, "statefulStore"), "name")
        database = fields.text(second, "database")
        secret = fields.text(fields.mapping(second, "secret"), "name")
        fields.left(second, ("statefulStore", "database", "secret"), {})
        return _Use(name, or_empty(database), secret=or_empty(secret)) if name else None
    name = fields.text(first, "name")
    config = fields.mapping(first, "config")
    fields.left(first, ("name", "config"), {})
    fields.left(config, ("schema",), {"keyspace": "leave it out: no journal of ours has keyspaces"})
    return _Use(name, schema=or_empty(fields.text(config, "schema"))) if name else None


def _converted(document: Document, store: Document, use: _Use, fields: Fields, sink: Sink) -> dict[str, Any]:
    kind = _kind(store, fields)
    if kind is None:
        return {}
    if kind.value == "memory":
        return MEMORY
    name = document.name.value
    moved = codes.DATA_NOT_MOVED.at(use.store.span, f"kept in {kind.value}", name=name)
    moved = moved.note("the old proxy keeps it in a form of its own")
    sink.add(
        moved.help("write what must stay as lines of `cloudstate journal import`, or begin anew beside the old service")
    )
    secret = f"{name}-journal"
    if kind.value == "PostgreSQL":
        _say_address(document, store, use, secret, sink)
    else:
        found = codes.STORE_NOT_SUPPORTED.at(kind.span, f"of `{store.name.value}`", kind=kind.value)
        sink.add(found.help(f"make a database in PostgreSQL, and the Secret: {_command(secret, Server().address())}"))
    return {"kind": "postgresql", "secret": secret}


def _kind(store: Document, fields: Fields) -> Located[str] | None:
    """What the store is, in the operator's order; None, and a finding, where it says nothing."""
    if store.spec.get("type") is not None:
        fields.left(store.spec, ("type", "deployment", "config"), {})
        written = fields.choice(store.spec, "type", _FIRST)
        return Located(_FIRST[written.value], written.span) if written else None
    fields.left(store.spec, tuple(_SECOND), {})
    for key, kind in _SECOND.items():
        entry = present(store.spec, key)
        if entry is not None and not (isinstance(entry.value, Scalar) and entry.value.value is False):
            return Located(kind, entry.key_span)
    fields.missing(store.body, "spec", "a StatefulStore")
    return None


def _say_address(document: Document, store: Document, use: _Use, secret: str, sink: Sink) -> None:
    server = server_of(store.spec, Fields(sink))
    found = codes.SECRET_FORM.at(use.store.span, f"`{store.name.value}`", name=document.name.value)
    found = found.note(server.where(use.secret)).note("a Secret of ours has the whole address, under `url`")
    sink.add(found.help(_command(secret, server.address(use.database, use.schema))))


def _command(secret: str, url: str) -> str:
    return f"`kubectl create secret generic {secret} --from-literal='url={url}'`"


def store_of(document: Document) -> Located[str] | None:
    """The store that a service uses."""
    use = _use(document, Fields(Sink()))
    return use.store if use else None
