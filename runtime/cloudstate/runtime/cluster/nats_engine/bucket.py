"""The table as a stream of JetStream that keeps the last message of each subject: what NATS calls a bucket."""

from __future__ import annotations

import asyncio
import json
import re
import time
from base64 import b64decode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from cloudstate.runtime.cluster.engine import EngineUnavailable, Overtaken
from cloudstate.runtime.cluster.nats_engine.connection import Connection, NobodyAnswers
from cloudstate.runtime.cluster.nats_engine.link import Link

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")
#: The record's last message is another one than was expected; the second: another one is on its way there.
_WRONG_LAST = (10071, 10164)
_NO_STREAM, _NO_MESSAGE, _IN_USE = 10059, 10037, 10058
#: How long it can be read that a record was deleted. Later it is absent.
_TOMBSTONE = "1h"
_ATTEMPTS = 4
_PAUSE = 0.2


def token(name: str) -> str:
    """A name as a part of subjects and of a stream's name."""
    return name if _PLAIN.fullmatch(name) else blake2b(name.encode(), digest_size=16).hexdigest()


class _Last(NamedTuple):
    revision: int
    is_deleted: bool


class Bucket:
    """One service's table.

    Attributes:
        deleted: the revisions at which records were deleted, as far as anybody here has been told. Servers forget that.
    """

    def __init__(self, link: Link, service: str) -> None:
        self.stream = f"KV_cloudstate-{token(service)}"
        self.prefix = f"$KV.cloudstate-{token(service)}."
        self.deleted: dict[str, int] = {}
        self._link = link
        self._forgets = False

    async def put(self, key: str, value: bytes, revision: int | None) -> int:
        """See ``Engine.put``."""
        return await self._write(key, value, {}, revision)

    async def delete(self, key: str, revision: int | None) -> None:
        """See ``Engine.delete``."""
        headers = {"KV-Operation": "DEL", **({"Nats-TTL": _TOMBSTONE} if self._forgets else {})}
        self.deleted[key] = await self._write(key, b"", headers, revision)

    async def _write(self, key: str, value: bytes, headers: Mapping[str, str], revision: int | None) -> int:
        async with self._link.connection() as connection:
            expected = revision
            for _ in range(_ATTEMPTS):
                written = await self._publish(connection, key, value, headers, expected)
                if written:
                    return written
                expected = await self._vacant(connection, key, revision)
        raise Overtaken(f"the record `{key}` is at another revision than {revision}")

    async def _vacant(self, connection: Connection, key: str, revision: int | None) -> int:
        """What to expect instead, where a record that should be absent was not as expected.

        Raises:
            Overtaken: it is not absent.
        """
        if revision == 0 or revision == self.deleted.get(key):
            last = await self._last(connection, key)
            if last is None:
                return 0
            if last.is_deleted and revision in (0, last.revision):
                return last.revision
        raise Overtaken(f"the record `{key}` is at another revision than {revision}")

    async def _publish(
        self, connection: Connection, key: str, value: bytes, headers: Mapping[str, str], expected: int | None
    ) -> int:
        """The revision that was written; 0: what is expected is not so."""
        sent = dict(headers)
        if expected is not None:
            sent["Nats-Expected-Last-Subject-Sequence"] = str(expected)
        try:
            reply = await connection.request(self.prefix + key, value, sent)
        except NobodyAnswers:
            await self.make(connection)  # they have lost the table, perhaps
            reply = await connection.request(self.prefix + key, value, sent)
        answer = json.loads(reply.data)
        error = answer.get("error")
        if error is None:
            return int(answer["seq"])
        if error.get("err_code") in _WRONG_LAST and expected is not None:
            return 0
        raise EngineUnavailable(f"JetStream refused ({error.get('description')})")

    async def _last(self, connection: Connection, key: str) -> _Last | None:
        answer = await ask(
            connection, f"STREAM.MSG.GET.{self.stream}", {"last_by_subj": self.prefix + key}, _NO_MESSAGE
        )
        if answer is None:
            return None
        headers = b64decode(answer["message"].get("hdrs", ""))
        return _Last(answer["message"]["seq"], is_deletion(headers.decode(errors="replace")))

    # --- The stream ---------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Make the stream where it is missing; servers that have just started get some time until they can.

        Raises:
            EngineUnavailable: they cannot.
        """
        patience = asyncio.get_running_loop().time() + self._link.settings.settle_timeout
        while True:
            try:
                async with self._link.connection() as connection:
                    return await self.make(connection)
            except EngineUnavailable:
                if asyncio.get_running_loop().time() > patience:
                    raise
            await asyncio.sleep(_PAUSE)

    async def make(self, connection: Connection) -> None:
        found = await ask(connection, f"STREAM.INFO.{self.stream}", {}, _NO_STREAM)
        if found is None:
            found = await ask(connection, f"STREAM.CREATE.{self.stream}", self._wanted(), _IN_USE)
        if found is None:  # another member was faster, or made it in another way: either is fine
            found = await ask(connection, f"STREAM.INFO.{self.stream}", {})
        self._forgets = found["config"].get("allow_msg_ttl", False)

    def _wanted(self) -> dict[str, Any]:
        return {
            "name": self.stream,
            "subjects": [f"{self.prefix}>"],
            "description": "members and shards of a service; can be lost",
            "storage": "file",
            "num_replicas": self._link.settings.replicas,
            "max_msgs_per_subject": 1,
            "discard": "new",
            "allow_rollup_hdrs": True,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "deny_delete": True,
            # Revisions of a table that was made anew are above all of the lost one, at less than a million changes a
            # second: nobody can take a new record for one that he knew.
            "first_seq": time.time_ns() // 1000,
        }


async def ask(connection: Connection, what: str, request: Mapping[str, Any], missing: int = -1) -> Any:
    """An answer of JetStream's API; None where it is the error ``missing``.

    Raises:
        EngineUnavailable: it is another error, or nobody answers.
    """
    answer = json.loads((await connection.request(f"$JS.API.{what}", json.dumps(request).encode())).data)
    error = answer.get("error")
    if error is None:
        return answer
    if error.get("err_code") == missing:
        return None
    raise EngineUnavailable(f"JetStream refused ({error.get('description')})")


def is_deletion(operation: str) -> bool:
    """Whether a message's operation, or all of its headers, say that the record was deleted."""
    return "DEL" in operation or "PURGE" in operation
