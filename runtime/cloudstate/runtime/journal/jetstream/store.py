"""Requests to the stream. The only place that knows NATS."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import nats
import nats.errors
from nats.aio.msg import Msg

from cloudstate.runtime.journal.errors import JournalError, JournalInvalid, JournalUnavailable
from cloudstate.runtime.journal.jetstream.settings import JetStreamSettings

logger = logging.getLogger(__name__)

#: "wrong last sequence": the expectation of a publication did not hold.
WRONG_LAST_SEQUENCE = 10071
_NOT_FOUND = (10037, 10059)
#: Bytes that headers and the encoding may take of a message.
_MARGIN = 4096

#: What the stream has to be for histories to be safe in it.
_NEEDED = {"retention": "limits", "allow_direct": True, "allow_atomic": True, "allow_rollup_hdrs": True}
_UNBOUNDED = {"max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msgs_per_subject": -1}


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
        self._inbox = ""
        self._count = 0
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    @property
    def max_append(self) -> int:
        """The largest append that the server takes in one message."""
        return min(self._settings.max_append, int(self._client.max_payload) - _MARGIN)

    async def open(self) -> None:
        """Connect, and make the stream where there is none.

        Raises:
            JournalUnavailable: no server can be reached.
            JournalInvalid: the stream is not fit for a journal.
        """
        settings = self._settings
        try:
            async with asyncio.timeout(settings.connect_timeout):  # nats tries for ever otherwise
                self._client = await nats.connect(
                    list(settings.servers),
                    name="cloudstate",
                    connect_timeout=max(1, int(settings.connect_timeout)),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,
                    pending_size=64 * 1024 * 1024,
                    user_credentials=settings.credentials,
                    allow_reconnect=True,
                    error_cb=_complain,
                )
        except (OSError, nats.errors.Error, TimeoutError) as error:
            raise self._unavailable(f"no server can be reached ({error or type(error).__name__})", True) from error
        self._inbox = self._client.new_inbox()
        try:
            await self._client.subscribe(f"{self._inbox}.*", cb=self._heard)
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
        self._count += 1
        name = f"{self._inbox}.{self._count}"
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[name] = answered
        await self._client.publish(last.subject, last.data, reply=name, headers=headers or None)
        return asyncio.ensure_future(self._acknowledged(name, answered, len(messages)))

    async def _acknowledged(self, name: str, answered: asyncio.Future[bytes], count: int) -> int:
        try:
            async with asyncio.timeout(self._settings.answer_timeout):
                answer = json.loads(await answered)
        except TimeoutError as error:
            raise self._unavailable("the stream did not acknowledge in time", None) from error
        finally:
            self._waiting.pop(name, None)
        if "error" in answer:
            code = answer["error"].get("err_code", 0)
            if code == WRONG_LAST_SEQUENCE:
                raise Refused(answer["error"]["description"])
            raise self._unavailable(f"the stream refused ({answer['error'].get('description')})", True)
        return int(answer["seq"]) - count + 1

    async def _heard(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject)
        if waiting is None or waiting.done():
            return
        if message.headers and message.headers.get("Status") == "503":
            waiting.set_exception(self._unavailable("the stream has no leader", True))
        else:
            waiting.set_result(message.data)

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
        inbox = client.new_inbox()
        request = {"seq": max(first, 1), "batch": count, "next_by_subj": subject}
        arrived: asyncio.Queue[Msg] = asyncio.Queue()
        listening = await client.subscribe(inbox, cb=arrived.put)
        found: list[Stored] = []
        try:
            await client.publish(
                f"$JS.API.DIRECT.GET.{self._settings.stream}", json.dumps(request).encode(), reply=inbox
            )
            async with asyncio.timeout(self._settings.answer_timeout):
                while True:
                    message = await arrived.get()
                    headers = message.headers or {}
                    if "Nats-Sequence" not in headers:
                        if headers.get("Status") in ("204", "404"):
                            return found
                        raise self._unavailable(f"reading failed (status {headers.get('Status')})", True)
                    found.append(_stored(message, headers))
                    if len(found) == count:
                        return found
        except TimeoutError as error:
            raise self._unavailable("the stream did not answer in time", True) from error
        finally:
            await listening.unsubscribe()

    async def subjects(self, filter: str) -> list[str]:
        """The subjects that fit a filter and have messages."""
        found: list[str] = []
        while True:
            request = {"subjects_filter": filter, "offset": len(found)}
            answer = await self._ask(f"STREAM.INFO.{self._settings.stream}", request)
            page = ((answer or {}).get("state") or {}).get("subjects") or {}
            found += page
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
            config = {
                "name": settings.stream,
                "subjects": [f"{settings.stream}.>"],
                "storage": settings.storage,
                "num_replicas": settings.replicas,
                "discard": "new",
                "metadata": {"cloudstate.format": "1"},
                **_NEEDED,
                **_UNBOUNDED,
            }
            info = await self._ask(f"STREAM.CREATE.{settings.stream}", config)
        self._check(info["config"])
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

    def _check(self, config: Mapping[str, Any]) -> None:
        """Raises JournalInvalid: the stream would lose what it is given, or cannot do what is needed."""
        wrong = [name for name, value in {**_NEEDED, **_UNBOUNDED}.items() if config.get(name, value) != value]
        wrong += [name for name in ("allow_direct", "allow_atomic", "allow_rollup_hdrs") if not config.get(name)]
        if config["num_replicas"] < self._settings.replicas:
            wrong.append(f"num_replicas (it has {config['num_replicas']})")
        if config["storage"] != self._settings.storage:
            wrong.append(f"storage (it is {config['storage']})")
        if wrong:
            raise JournalInvalid(
                f"the stream `{self._settings.stream}` is not set up as a journal: {', '.join(dict.fromkeys(wrong))}; "
                "edit it (`nats stream edit`), or give another name, which is made then"
            )

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


async def _complain(error: Exception) -> None:
    logger.warning("nats: %s", error or type(error).__name__)
