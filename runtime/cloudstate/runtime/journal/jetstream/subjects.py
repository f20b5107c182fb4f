"""Entities and shards as subjects.

A name is a token under the mark ``n``: what a subject cannot hold is escaped as in URLs. A long one is the digest of
its UTF-8, under the mark ``h``; what the subject does not say then, the messages do.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import quote, unquote

from cloudstate.runtime.journal.port import EntityKey

_PLAIN = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST = 180


def token(name: str) -> str:
    """A name as a token."""
    text = name if _PLAIN.fullmatch(name) else quote(name, safe="").replace(".", "%2E")
    if len(text) <= _LONGEST:
        return f"n{text}"
    return f"h{blake2b(name.encode(), digest_size=20).hexdigest()}"


def plain(token: str) -> str | None:
    """The name that a token is; None if it is a digest."""
    return unquote(token[1:]) if token.startswith("n") else None


class Subjects:
    """The subjects of one stream."""

    def __init__(self, stream: str) -> None:
        self.records = f"{stream}.e.>"
        self.all_answers = f"{stream}.a.>"
        self._stream = stream

    def record(self, entity: EntityKey) -> str:
        """Where an entity's events and values are."""
        return f"{self._stream}.e.{token(entity.type)}.{token(entity.id)}"

    def records_of(self, type: str) -> str:
        """Those of all entities of a type."""
        return f"{self._stream}.e.{token(type)}.*"

    def answers_of(self, type: str) -> str:
        """The kept answers of all entities of a type."""
        return f"{self._stream}.a.{token(type)}.*"

    def snapshot(self, entity: EntityKey) -> str:
        """Where an entity's newest snapshot is."""
        return f"{self._stream}.s.{token(entity.type)}.{token(entity.id)}"

    def answers(self, entity: EntityKey) -> str:
        """Where an entity's kept answers are."""
        return f"{self._stream}.a.{token(entity.type)}.{token(entity.id)}"

    def hides(self, entity: EntityKey) -> bool:
        """Whether an entity cannot be told from its subjects."""
        return token(entity.type)[0] == "h" or token(entity.id)[0] == "h"

    def epoch(self, shard: str) -> str:
        """Where a shard's epoch is."""
        return f"{self._stream}.x.{token(shard)}"
