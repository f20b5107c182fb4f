"""Requests to the stream. The only place that knows NATS."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import nats
import nats.errors
from nats.aio.msg import Msg

from cloudstate.runtime.journal.errors import JournalError, JournalInvalid, JournalUnavailable
from cloudstate.runtime.journal.jetstream.replies import Replies
from cloudstate.runtime.journal.jetstream.settings import JetStreamSettings
from cloudstate.runtime.journal.jetstream.stream import OLDEST_SERVER, check, wanted

logger = logging.getLogger(__name__)

#: "wrong last sequence": the expectation of a publication did not hold; the other one if a message is under way still.
_WRONG_LAST_SEQUENCE = (10071, 10164)
#: "storing failed": on some replicas, perhaps.
_STORE_FAILED = 10077
_NOT_FOUND = (10037, 10059)
#: Seconds between pings; a server that leaves two of them unanswered is given up.
PING_INTERVAL = 5
#: Bytes that headers and the encoding may take of a message.
_MARGIN = 4096


class Stored(NamedTuple):
    """A message of the stream."""

    subject: str
    place: int
    data: bytes
    time: float


class Publication(NamedTuple):
    """A message to be published.

    Attributes:
        expected: the place of the last message on its subject; None: any.
        of: the subject that this is about, where it is another.
        replaces: it is the only one on its subject from then on.
    """

    subject: str
    data: bytes
    expected: int | None = None
    replaces: bool = False
    of: str = ""


class Refused(Exception):
    """The stream did not take a publication: what was expected of the last message is not so."""


class Store:
    """One stream of one cluster."""

    def __init__(self, settings: JetStreamSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._replies = Replies()
        self._complaint = ""

    @property
    def max_append(self) -> int:
        """The largest append, and the largest message, that the server takes."""
        return min(self._settings.max_append, int(self._client.max_payload) - _MARGIN)

    async def open(self) -> None:
        """Connect, and make the stream where there is none.

        Raises:
            JournalUnavailable: no server can be reached, or none that lets us in.
            JournalInvalid: the servers or the stream are not fit for a journal.
        """
        settings = self._settings
        try:
            # Without a limit of ours it would be tried for ever.
            async with asyncio.timeout(settings.connect_timeout * len(settings.servers)):
                self._client = await nats.connect(
                    list(settings.servers),
                    name="cloudstate",
                    connect_timeout=max(1, int(settings.connect_timeout)),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,
                    pending_size=64 * 1024 * 1024,
                    user_credentials=settings.credentials,
                    allow_reconnect=True,
                    ping_interval=PING_INTERVAL,
                    error_cb=self._complain,
                    disconnected_cb=self._lost,
                )
        except (OSError, nats.errors.Error, TimeoutError) as error:
            reason = self._complaint or str(error) or type(error).__name__
            raise self._unavailable(f"no server can be reached ({reason})", True) from error
        try:
            self._check_server()
            await self._replies.listen(self._client)
            await self._make_when_ready()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    # --- Writing ------------------------------------------------------------------------------------------------------

    async def publish(self, messages: Sequence[Publication]) -> asyncio.Future[int]:
        """Publish messages as one; the future gives the place of the first, or raises.

        The future raises:
            Refused: the stream took none of them.
            JournalUnavailable: see its ``retry_safe``.
        """
        if not self._client.is_connected:
            raise self._unavailable("there is no connection", True)
        batch = secrets.token_hex(8) if len(messages) > 1 else ""
        for number, message in enumerate(messages[:-1], 1):
            headers = {**_headers(message), "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
            await self._client.publish(message.subject, message.data, headers=headers)
        last = messages[-1]
        headers = _headers(last)
        if batch:
            headers |= {
                "Nats-Batch-Id": batch,
                "Nats-Batch-Sequence": str(len(messages)),
                "Nats-Batch-Commit": "1",
            }
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        name = self._replies.expect(partial(self._answered, answered))
        try:
            await self._client.publish(last.subject, last.data, reply=name, headers=headers or None)
        except BaseException:
            self._replies.forget(name)
            raise
        return asyncio.ensure_future(self._acknowledged(name, answered, len(messages)))

    def _answered(self, answered: asyncio.Future[bytes], message: Msg | None) -> None:
        if answered.done():
            return
        if message is None:
            answered.set_exception(self._unavailable("the connection was lost before the acknowledgement", None))
        elif message.headers and message.headers.get("Status") == "503":
            answered.set_exception(self._unavailable("the stream has no leader", True))
        else:
            answered.set_result(message.data)

    async def _acknowledged(self, name: str, answered: asyncio.Future[bytes], count: int) -> int:
        try:
            async with asyncio.timeout(self._settings.answer_timeout):
                answer = json.loads(await answered)
        except TimeoutError as error:
            raise self._unavailable("the stream did not acknowledge in time", None) from error
        finally:
            self._replies.forget(name)
        if "error" in answer:
            code, text = answer["error"].get("err_code", 0), answer["error"].get("description")
            if code in _WRONG_LAST_SEQUENCE:
                raise Refused(text)
            raise self._unavailable(f"the stream refused ({text})", None if code == _STORE_FAILED else True)
        return int(answer["seq"]) - count + 1

    # --- Reading ------------------------------------------------------------------------------------------------------

    async def last(self, subject: str) -> Stored | None:
        """The last message of a subject, from the stream's leader; None if there is none."""
        answer = await self._ask(f"STREAM.MSG.GET.{self._settings.stream}", {"last_by_subj": subject})
        if answer is None:
            return None
        found = answer["message"]
        data = b64decode(found.get("data", ""))
        return Stored(found["subject"], found["seq"], data, datetime.fromisoformat(found["time"]).timestamp())

    async def messages(self, subject: str, first: int, count: int) -> list[Stored]:
        """At most so many messages of a subject (or of those that fit it) from a place on, from any replica."""
        client = self._connected()
        request = {"seq": max(first, 1), "batch": count, "next_by_subj": subject}
        found: list[Stored] = []
        complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        name = self._replies.expect(partial(self._read, complete, found, count))
        try:
            await client.publish(f"$JS.API.DIRECT.GET.{self._settings.stream}", json.dumps(request).encode(), name)
            async with asyncio.timeout(self._settings.answer_timeout):
                await complete
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise self._unavailable(f"the stream did not answer ({error or type(error).__name__})", True) from error
        finally:
            self._replies.forget(name)
        return found

    def _read(self, complete: asyncio.Future[None], found: list[Stored], count: int, message: Msg | None) -> None:
        if complete.done():
            return
        if message is None:
            complete.set_exception(self._unavailable("the connection was lost", True))
            return
        headers = message.headers or {}
        if "Nats-Sequence" in headers:
            found.append(_stored(message, headers))
            if len(found) == count:
                complete.set_result(None)
        elif headers.get("Status") in ("204", "404"):
            complete.set_result(None)
        else:
            complete.set_exception(self._unavailable(f"reading failed (status {headers.get('Status')})", True))

    async def subjects(self, filter: str) -> dict[str, int]:
        """The subjects that fit a filter and have messages, and how many."""
        found: dict[str, int] = {}
        while True:
            request = {"subjects_filter": filter, "offset": len(found)}
            answer = await self._ask(f"STREAM.INFO.{self._settings.stream}", request)
            page = ((answer or {}).get("state") or {}).get("subjects") or {}
            found |= page
            if not page or len(found) >= ((answer or {}).get("total") or 0):
                return found

    async def purge(self, subject: str, keep: int) -> None:
        """Forget all but the newest so many messages of a subject."""
        await self._ask(f"STREAM.PURGE.{self._settings.stream}", {"filter": subject, "keep": keep})

    async def _ask(self, what: str, request: Mapping[str, Any]) -> Any:
        """An answer of JetStream's API; None where it knows no such thing."""
        client = self._connected()
        try:
            reply = await client.request(
                f"$JS.API.{what}", json.dumps(request).encode(), timeout=self._settings.answer_timeout
            )
        except nats.errors.NoRespondersError as error:
            reason = "JetStream is not enabled on the servers, or they have no leader yet"
            raise self._unavailable(reason, True) from error
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise self._unavailable(f"JetStream did not answer ({error or type(error).__name__})", True) from error
        answer = json.loads(reply.data)
        if "error" not in answer:
            return answer
        if answer["error"].get("err_code") in _NOT_FOUND:
            return None
        raise self._unavailable(f"JetStream refused ({answer['error'].get('description')})", True)

    # --- The stream ---------------------------------------------------------------------------------------------------

    async def _make_when_ready(self) -> None:
        """A cluster that has just started needs a moment before it places streams."""
        patience = asyncio.get_running_loop().time() + self._settings.settle_timeout
        while True:
            try:
                return await self._make()
            except JournalUnavailable:
                if asyncio.get_running_loop().time() > patience:
                    raise
            await asyncio.sleep(0.2)

    async def _make(self) -> None:
        settings = self._settings
        info = await self._ask(f"STREAM.INFO.{settings.stream}", {})
        if info is None:
            info = await self._ask(f"STREAM.CREATE.{settings.stream}", wanted(settings))
        if info is None:
            raise self._unavailable("the stream cannot be made", True)
        check(info["config"], settings)
        if settings.replicas == 1 or settings.storage == "memory":
            logger.warning(
                "the journal %s has %s: what is acknowledged is lost with that server",
                settings.where,
                "one replica" if settings.storage == "file" else "its messages in memory",
            )
        logger.warning(
            "the journal %s: NATS acknowledges before it syncs, unless its servers have `sync_interval: always`; "
            "otherwise what was acknowledged lately is lost if all servers lose power at once",
            settings.where,
        )

    def _check_server(self) -> None:
        version = self._client.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            raise JournalInvalid(
                f"the journal {self._settings.where}: its server is of version {version.major}.{version.minor}, "
                f"{OLDEST_SERVER[0]}.{OLDEST_SERVER[1]} or newer is needed for atomic batches; update NATS"
            )

    async def _complain(self, error: Exception) -> None:
        complaint = str(error) or type(error).__name__
        if complaint != self._complaint:  # else each attempt to connect again would say it again
            logger.warning("nats: %s", complaint)
        self._complaint = complaint

    async def _lost(self) -> None:
        self._replies.lose()

    def _connected(self) -> Any:
        if self._client is None:
            raise self._unavailable("it is closed", True)
        if not self._client.is_connected:
            raise self._unavailable("there is no connection", True)
        return self._client

    def _unavailable(self, reason: str, retry_safe: bool | None) -> JournalError:
        return JournalUnavailable(f"the journal {self._settings.where}: {reason}", retry_safe=retry_safe)


def _headers(message: Publication) -> dict[str, str]:
    headers = {}
    if message.expected is not None:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(message.expected)
    if message.of:
        headers["Nats-Expected-Last-Subject-Sequence-Subject"] = message.of
    if message.replaces:
        headers["Nats-Rollup"] = "sub"
    return headers


def _stored(message: Msg, headers: Mapping[str, str]) -> Stored:
    time = datetime.fromisoformat(headers["Nats-Time-Stamp"]).timestamp()
    return Stored(headers["Nats-Subject"], int(headers["Nats-Sequence"]), message.data, time)
