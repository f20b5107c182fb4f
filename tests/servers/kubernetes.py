"""A fake API server: kmock's discovery and HTTP, with server-side apply, field ownership and dry runs of our own.

What it does not do: schemas, admission, most defaults. The suite of ``tests/e2e/test_real_cluster.py`` is for that.
"""

from __future__ import annotations

import asyncio
import copy
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kmock
import yaml
from aiohttp import web

#: A place in an object: keys of mappings, and ``=NAME`` for the item of a list that has this name.
Place = tuple[str, ...]
Key = tuple[str, str, str]
NAMESPACE = "shop"
PATIENCE = 30


def leaves(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value of an object and its place. A list whose items have no names is one value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list) and value and all(isinstance(it, dict) and "name" in it for it in value):
        for item in value:
            yield from leaves(item, (*at, f"={item['name']}"))
    else:
        yield at, value


def put(target: Any, place: Place, value: Any) -> None:
    """Set a value, making what leads there."""
    for index, step in enumerate(place):
        is_last = index == len(place) - 1
        if step.startswith("="):
            found = next((it for it in target if it["name"] == step[1:]), None)
            if found is None:
                target.append(found := {"name": step[1:]})
            target = found
        elif is_last:
            target[step] = value
        else:
            target = target.setdefault(step, [] if place[index + 1].startswith("=") else {})


def drop(target: Any, place: Place) -> None:
    """Remove a value, and what it leaves empty."""
    step, rest = place[0], place[1:]
    if step.startswith("="):
        found = next((it for it in target if it["name"] == step[1:]), None)
        if found is not None and rest:
            if rest == ("name",):
                target.remove(found)
            else:
                drop(found, rest)
    elif step in target:
        if rest:
            drop(target[step], rest)
        if not rest or target[step] in ({}, []):
            del target[step]


def spelled(place: Place) -> str:
    """As the API server spells places."""
    return "".join(f'[name="{it[1:]}"]' if it.startswith("=") else f".{it}" for it in place)


@dataclass
class Stored:
    """An object and who owns which of its fields."""

    body: dict[str, Any]
    owners: dict[str, set[Place]] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """As the server answers."""
        body = copy.deepcopy(self.body)
        body["metadata"]["managedFields"] = [
            {"manager": manager, "operation": "Apply", "fieldsV1": self._fields(places)}
            for manager, places in sorted(self.owners.items())
        ]
        return body

    @staticmethod
    def _fields(places: set[Place]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for place in sorted(places):
            at = fields
            for step in place:
                at = at.setdefault(f'k:{{"name":"{step[1:]}"}}' if step.startswith("=") else f"f:{step}", {})
        return fields


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = {"kind": "Status", "apiVersion": "v1", "code": code, "message": message, "details": details}


class FakeKubernetes(kmock.KubernetesEmulator):
    """The objects of one API server. Tests read and change ``store`` while no request is under way."""

    def start(self) -> None:
        """Forget everything, and know the kinds of a new cluster."""
        self.store: dict[Key, Stored] = {}
        self.writes = 0
        self.fails: dict[str, Refused] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # kmock reads its list of kinds the old way
            self.resources.load_bundled()

    async def _serve_version(self, request: kmock.Request) -> kmock.Payload:
        answer = await super()._serve_version(request)
        if isinstance(answer, dict):
            # kmock calls the version of the core group `/v1`, which kubectl does not know.
            return {**answer, "groupVersion": str(answer["groupVersion"]).lstrip("/")}
        return answer

    async def _handle(self, request: kmock.Request) -> web.StreamResponse:
        if request.resource is None or not request.resource.plural:
            return await super()._handle(request)
        try:
            return web.json_response(self.answer(request))
        except Refused as refused:
            return web.json_response(refused.status, status=refused.code)

    def answer(self, request: kmock.Request) -> dict[str, Any]:
        """One request for objects."""
        resource = request.resource
        assert resource is not None
        assert resource.plural is not None
        if request.namespace not in (None, NAMESPACE) and request.method.name != "GET":
            message = f'namespaces "{request.namespace}" not found'
            raise Refused(404, message, kind="namespaces", name=request.namespace)
        if request.name in self.fails and request.method.name != "GET":
            raise self.fails[request.name or ""]
        if request.name is None:
            return self._listed(resource.plural, request)
        key = (resource.plural, request.namespace or "", request.name)
        is_dry = request.params.get("dryRun") == "All"
        if request.method.name == "PATCH":
            return self._apply(key, yaml.safe_load(request.body), request.params, is_dry)
        if key not in self.store:
            raise Refused(404, f'{key[0]} "{key[2]}" not found', kind=key[0], name=key[2])
        found = self.store[key].shown()
        if request.method.name == "DELETE" and not is_dry:
            wanted = ((request.data or {}).get("preconditions") or {}).get("uid")
            if wanted not in (None, found["metadata"]["uid"]):
                raise Refused(409, "the uid is another")
            del self.store[key]
            self.writes += 1
        return found

    def _listed(self, plural: str, request: kmock.Request) -> dict[str, Any]:
        selector = [it.partition("=") for it in request.params.get("labelSelector", "").split(",") if it]
        items = [
            it.shown()
            for key, it in sorted(self.store.items())
            if key[0] == plural and request.namespace in (None, key[1])
            if all(it.body["metadata"].get("labels", {}).get(name) == value for name, _, value in selector)
        ]
        return {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}

    def _apply(self, key: Key, manifest: dict[str, Any], params: Any, is_dry: bool) -> dict[str, Any]:
        stored = copy.deepcopy(self.store.get(key)) or self._new(key, manifest)
        version = manifest["metadata"].pop("resourceVersion", None)
        if version not in (None, stored.body["metadata"].get("resourceVersion")):
            raise Refused(409, "the object has been modified")
        manager, is_forced = params.get("fieldManager", "kubectl"), params.get("force") == "true"
        merge(stored, manifest, manager, is_forced=is_forced)
        before = self.store.get(key)
        if before is not None and before == stored:
            return before.shown()
        if not is_dry:
            self.writes += 1
            stored.body["metadata"]["resourceVersion"] = str(1000 + self.writes)
            self.store[key] = stored
        return stored.shown()

    def _new(self, key: Key, manifest: dict[str, Any]) -> Stored:
        metadata = {"name": key[2], "uid": f"uid-{self.writes}-{key[2]}", "creationTimestamp": "2026-11-25T12:00:00Z"}
        if key[1]:
            metadata["namespace"] = key[1]
        body: dict[str, Any] = {it: manifest[it] for it in ("apiVersion", "kind")} | {"metadata": metadata}
        if manifest["kind"] == "Service":
            body["spec"] = {"sessionAffinity": "None"}  # a default
        return Stored(body)


def merge(stored: Stored, manifest: dict[str, Any], manager: str, *, is_forced: bool = False) -> None:
    """Server-side apply, with its rules of ownership.

    Raises:
        Refused: 409, others own fields that it would change.
    """
    identity = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}
    wanted = {place: value for place, value in leaves(manifest) if place not in identity}
    present = dict(leaves(stored.body))
    taken = [
        (other, place)
        for other, places in sorted(stored.owners.items())
        for place in sorted(places & set(wanted))
        if other != manager and present.get(place) != wanted[place]
    ]
    if taken and not is_forced:
        causes = [
            {"reason": "FieldManagerConflict", "message": f'conflict with "{who}" using v1', "field": spelled(place)}
            for who, place in taken
        ]
        raise Refused(409, f"Apply failed with {len(taken)} conflicts", causes=causes)
    for other, place in taken:
        stored.owners[other].discard(place)
    given_up = stored.owners.get(manager, set()) - set(wanted)
    for place in given_up - set().union(*(them for who, them in stored.owners.items() if who != manager)):
        drop(stored.body, place)
    for place, value in wanted.items():
        put(stored.body, place, value)
    stored.owners[manager] = set(wanted)


@dataclass
class Running:
    """A server that runs, and how to reach it."""

    api: FakeKubernetes
    kubeconfig: Path

    def other_sets(self, key: Key, manager: str, change: dict[str, Any]) -> None:
        """Somebody else writes fields of an object, whoever had them."""
        stored = self.api.store[key]
        merge(stored, change, manager, is_forced=True)
        self.api.writes += 1
        stored.body["metadata"]["resourceVersion"] = str(1000 + self.api.writes)

    def names(self, kind: str = "") -> set[str]:
        """What is there, as `plural/name`, without inventories."""
        everything = {f"{plural}/{name}" for plural, _, name in self.api.store if plural.startswith(kind)}
        return {it for it in everything if "cloudstate-inventory" not in it}


@contextmanager
def running(directory: Path) -> Iterator[Running]:
    """A fake API server on a free port, in a thread: the official client blocks."""
    api, ready, loop = FakeKubernetes(), threading.Event(), asyncio.new_event_loop()
    ends = asyncio.Event()
    ports: list[int] = []

    async def serve() -> None:
        api.start()
        async with api, kmock.Server(api) as server:
            ports.append(server.port)
            ready.set()
            await ends.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield Running(api, write_kubeconfig(directory / "kubeconfig", f"http://127.0.0.1:{ports[0]}"))
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join(PATIENCE)
        loop.close()


def write_kubeconfig(path: Path, server: str) -> Path:
    """A kubeconfig with one context, whose namespace is ``NAMESPACE``."""
    context = {"cluster": "test", "user": "test", "namespace": NAMESPACE}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {"token": "test"}}],
        "contexts": [{"name": "test", "context": context}],
    }
    path.write_text(json.dumps(config))
    return path
