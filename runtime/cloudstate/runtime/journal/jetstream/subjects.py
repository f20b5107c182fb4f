"""Entities and shards as subjects.

A plain name is a token as it is, under the mark ``n``; any other is the digest of its UTF-8, under the mark ``h``. What
the subject does not say, the message does.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from cloudstate.runtime.journal.port import EntityKey

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def token(name: str) -> str:
    """A name as a token."""
    if _PLAIN.fullmatch(name):
        return f"n{name}"
    return f"h{blake2b(name.encode(), digest_size=20).hexdigest()}"


def plain(token: str) -> str | None:
    """The name that a token is; None if it is a digest."""
    return token[1:] if token.startswith("n") else None


class Subjects:
    """The subjects of one stream."""

    def __init__(self, stream: str) -> None:
        self.all = f"{stream}.>"
        self.records = f"{stream}.e.>"
        self._stream = stream

    def record(self, entity: EntityKey) -> str:
        """Where an entity's events and values are."""
        return f"{self._stream}.e.{token(entity.type)}.{token(entity.id)}"

    def records_of(self, type: str) -> str:
        """Those of all entities of a type."""
        return f"{self._stream}.e.{token(type)}.*"

    def snapshot(self, entity: EntityKey) -> str:
        """Where an entity's newest snapshot is."""
        return f"{self._stream}.s.{token(entity.type)}.{token(entity.id)}"

    def answers(self, entity: EntityKey) -> str:
        """Where an entity's kept answers are."""
        return f"{self._stream}.a.{token(entity.type)}.{token(entity.id)}"

    def epoch(self, shard: str) -> str:
        """Where a shard's epoch is."""
        return f"{self._stream}.x.{token(shard)}"
