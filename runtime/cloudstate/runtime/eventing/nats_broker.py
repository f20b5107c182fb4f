"""Topics in NATS JetStream: a stream for each topic, a durable consumer for each group.

A message is a CloudEvent in binary form: its attributes are headers, its data is the payload (JSON as it is, not
wrapped as in an Any), and the type URL of the data is ``cloudstate-type-url``. A message's id is the stream's, too: one
that is published twice within two minutes is kept once.
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import nats
import nats.errors
from nats.js.errors import Error as JetStreamError

from cloudstate.runtime.errors import ServiceInvalid, StatusCode
from cloudstate.runtime.eventing.broker import Broker
from cloudstate.runtime.eventing.deliver import CloudEvent, Undeliverable, content_type
from cloudstate.runtime.eventing.wrapping import BYTES_URL, JSON_PREFIX, TEXT_URL, unwrapped, wrapped
from cloudstate.runtime.payload import PROTOBUF_PREFIX

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TYPE_URL = "cloudstate-type-url"
#: Seconds that the broker may take to answer, and to hand out a message before it is asked again.
_ANSWER, _FETCH = 5.0, 30.0
#: Seconds in which a message has to be handled, or it is handed out again; told anew while it is worked on.
_ACK_WAIT = 30.0


class NatsBroker(Broker):
    """See ``Broker``.

    Args:
        url: ``nats://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][?replicas=3]``.

    Raises:
        ServiceInvalid: it is no such address.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if not parts.netloc or parts.query not in ("", "replicas=1", "replicas=3", "replicas=5"):
            raise ServiceInvalid("the broker's address is not right", help="write `nats://HOST:PORT?replicas=3`")
        login, at, hosts = parts.netloc.rpartition("@")
        self._servers = [f"nats://{login}{at}{host}" for host in hosts.split(",")]
        self._where = f"nats://{hosts}"
        self._replicas = int(parts.query.rpartition("=")[2] or 1)
        self._client: Any = None
        self._streams: set[str] = set()

    async def open(self) -> None:
        """See ``Broker.open``."""
        try:
            async with asyncio.timeout(_ANSWER):
                self._client = await nats.connect(
                    self._servers, name="cloudstate-topics", max_reconnect_attempts=-1, error_cb=_ignored
                )
        except (OSError, nats.errors.Error, TimeoutError) as error:
            raise self._away(error) from error

    async def close(self) -> None:
        """See ``Broker.close``."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def publish(self, topic: str, event: CloudEvent) -> None:
        """See ``Broker.publish``."""
        try:
            name = await self._stream(topic)
            headers = {**_headers(event), "Nats-Msg-Id": _token(f"{event.source} {event.id}")}
            await self._client.jetstream().publish(
                f"topic.{name}", unwrapped(event.data), timeout=_ANSWER, headers=headers
            )
        except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
            raise self._away(error) from error

    async def consume(self, topic: str, group: str, handle: Callable[[CloudEvent], Awaitable[None]]) -> None:
        """See ``Broker.consume``."""
        try:
            name = await self._stream(topic)
            subscription = await self._client.jetstream().pull_subscribe(
                f"topic.{name}", durable=_token(group), stream=f"TOPIC_{name}"
            )
            while True:
                try:
                    messages = await subscription.fetch(1, timeout=_FETCH)
                except TimeoutError:
                    continue
                for message in messages:
                    await self._settle(message, handle)
        except (nats.errors.Error, JetStreamError, OSError) as error:
            raise self._away(error) from error

    async def _settle(self, message: Any, handle: Callable[[CloudEvent], Awaitable[None]]) -> None:
        """Handle a message, saying all the while that it is being worked on."""
        working = asyncio.ensure_future(handle(_event(message)))
        try:
            while not (await asyncio.wait({working}, timeout=_ACK_WAIT / 3))[0]:
                await message.in_progress()
            working.result()
        finally:
            # Whoever stops consuming must not leave a message at work: the journal may be closed next.
            working.cancel()
            await asyncio.wait({working}, timeout=_ANSWER)
        await message.ack()

    async def _stream(self, topic: str) -> str:
        """The name of a topic's stream, which is made where it is not there."""
        name = _token(topic)
        if name not in self._streams:
            config = {
                "name": f"TOPIC_{name}",
                "subjects": [f"topic.{name}"],
                "storage": "file",
                "num_replicas": self._replicas,
                "description": f"the topic {topic}",
            }
            request = json.dumps(config).encode()
            reply = await self._client.request(f"$JS.API.STREAM.CREATE.TOPIC_{name}", request, timeout=_ANSWER)
            error = json.loads(reply.data).get("error")
            if error and error.get("err_code") != 10058:  # it is there, with other settings: somebody's choice
                raise Undeliverable(f"the topic `{topic}`: {error['description']}", StatusCode.UNAVAILABLE)
            self._streams.add(name)
        return name

    def _away(self, error: BaseException) -> Undeliverable:
        return Undeliverable(f"the broker {self._where}: {error or type(error).__name__}", StatusCode.UNAVAILABLE)


def _token(name: str) -> str:
    """A name as the name of a stream or a consumer."""
    return name if _PLAIN.fullmatch(name) else blake2b(name.encode(), digest_size=16).hexdigest()


def _headers(event: CloudEvent) -> dict[str, str]:
    made = {
        "ce-specversion": "1.0",
        "ce-id": event.id,
        "ce-source": event.source,
        "ce-type": event.type,
        "content-type": content_type(event.data.type_url),
        _TYPE_URL: event.data.type_url,
    }
    if event.subject:
        made["ce-subject"] = event.subject
    if event.time:
        made["ce-time"] = datetime.fromtimestamp(event.time, UTC).isoformat()
    # Headers are lines of ASCII; what is not travels encoded.
    return {name: value if value.isascii() and value.isprintable() else _encoded(value) for name, value in made.items()}


def _encoded(value: str) -> str:
    return "=?utf-8?b?" + b64encode(value.encode()).decode() + "?="


def _event(message: Any) -> CloudEvent:
    """A message as an event; one that others published may lack every attribute."""
    said = {name.lower(): _decoded(value) for name, value in (message.headers or {}).items()}
    kind = said.get("ce-type", "")
    return CloudEvent(
        id=said.get("ce-id") or str(message.metadata.sequence.stream),
        source=said.get("ce-source") or str(message.subject),
        type=kind,
        data=wrapped(said.get(_TYPE_URL) or _type_url(said.get("content-type", ""), kind), message.data),
        subject=said.get("ce-subject", ""),
        time=_seconds(said.get("ce-time", "")) or message.metadata.timestamp.timestamp(),
    )


def _decoded(value: str) -> str:
    """A header's text; as it stands where it is not encoded as it says. A message must not fail for that."""
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def _seconds(time: str) -> float:
    """Seconds since the Unix epoch; 0 for what is no moment."""
    try:
        moment = datetime.fromisoformat(time)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _type_url(media: str, kind: str) -> str:
    """What a payload is, by its media type (protocol.md section 2.11)."""
    plain = media.partition(";")[0].strip().lower()
    if plain in ("application/protobuf", "application/x-protobuf", "application/vnd.google.protobuf"):
        return PROTOBUF_PREFIX + kind
    if plain == "application/json" or plain.endswith("+json"):
        return JSON_PREFIX + kind
    return TEXT_URL if plain.startswith("text/") else BYTES_URL


async def _ignored(error: Exception) -> None:
    """What goes wrong comes up where somebody waits."""
