"""A lock as the text of its file. Equal locks give equal text."""

from __future__ import annotations

from base64 import b64encode

from cloudstate.compiler.lock.declaration import enum_lines, key_text, message_lines
from cloudstate.compiler.lock.file.delta import Delta, delta
from cloudstate.compiler.lock.file.dump import Data, dump
from cloudstate.compiler.lock.file.seal import digest_of, seal_of
from cloudstate.compiler.lock.recorded import Acceptance, Channel, Entity, Lock

#: The only format that this version reads and writes.
FORMAT = "cloudstate.io/lock/v1"
_HEAD = """\
# What the releases of this service have stored and routed. `cloudstate release` adds to it, `cloudstate check` holds
# the spec against all of it. Commit this file. Each version says what is different from the one before.
"""


def render_lock(lock: Lock) -> str:
    """The content of the file."""
    versions: list[Data] = []
    before, digest = None, ""
    for version in lock.versions:
        change = delta(version, before)
        before, digest = version, digest_of(change, digest)
        versions.append(_version(change, digest))
    accepted: list[Data] = [_acceptance(entry) for entry in lock.accepted]
    document: dict[str, Data] = {"format": FORMAT, "versions": versions, "accepted": accepted}
    return _HEAD + dump({key: value for key, value in document.items() if value})


def _version(change: Delta, digest: str) -> Data:
    parts: dict[str, Data] = {"version": change.name}
    if change.service is not None:
        parts["service"] = change.service
    if change.shards is not None:
        parts["shards"] = change.shards
    parts["entities"] = {name: _entity(entity) for name, entity in change.entities.changed.items()}
    if change.channels is not None:
        parts["channels"] = [_channel(channel) for channel in change.channels]
    parts["messages"] = {name: list(message_lines(message)) for name, message in change.messages.changed.items()}
    parts["enums"] = {name: list(enum_lines(enum)) for name, enum in change.enums.changed.items()}
    parts["gone"] = _gone(change)
    parts["samples"] = {
        name: [b64encode(sample).decode() for sample in samples] for name, samples in change.samples.changed.items()
    }
    written = {name: part for name, part in parts.items() if part != {}}
    return {**written, "digest": digest}


def _gone(change: Delta) -> Data:
    names = {
        "entities": change.entities.gone,
        "messages": change.messages.gone,
        "enums": change.enums.gone,
        "samples": change.samples.gone,
    }
    return {part: list(gone) for part, gone in names.items() if gone}


def _entity(entity: Entity) -> Data:
    parts: dict[str, Data] = {
        "service": entity.service,
        "model": entity.model,
        "crdt": entity.crdt,
        "state": entity.state,
        "snapshots": entity.has_snapshots,
        "events": list(entity.events),
        "keys": {command: [key_text(key) for key in keys] for command, keys in entity.keys.items()},
    }
    return {name: part for name, part in parts.items() if part}


def _channel(channel: Channel) -> Data:
    parts: dict[str, Data] = {
        channel.direction.value: channel.source,
        "group": channel.group,
        "message": channel.message,
    }
    return {name: part for name, part in parts.items() if part}


def _acceptance(entry: Acceptance) -> Data:
    return {
        "code": entry.code,
        "subject": entry.subject,
        "was": list(entry.was),
        "now": entry.now,
        "reason": entry.reason,
        "author": entry.author,
        "until": entry.until.isoformat(),
        "seal": seal_of(entry),
    }
