"""One message, as its subscriber gets it: a request with the metadata of a CloudEvent (protocol.md section 2.11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import NamedTuple

from google.protobuf.any_pb2 import Any as AnyMessage

from cloudstate.runtime.entity.messages import Failure
from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.eventing.declared import ANY, Handler, Subscription
from cloudstate.runtime.eventing.wrapping import JSON_PREFIX, TEXT_URL
from cloudstate.runtime.host import Request, Router
from cloudstate.runtime.host.router import EFFECT_LIMIT
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Metadata, Payload


class CloudEvent(NamedTuple):
    """A message with its attributes (CloudEvents 1.0).

    Attributes:
        id, source: together they name it.
        type: of the data: a message's full name where it is protobuf.
        subject: what it is about: an entity's id.
        time: seconds since the Unix epoch.
    """

    id: str
    source: str
    type: str
    data: Payload
    subject: str = ""
    time: float = 0.0


class Undeliverable(CloudStateError):
    """A message was not handled.

    Attributes:
        waits: the subscriber is away rather than unwilling: the message is not to blame.
    """

    def __init__(self, reason: str, status: StatusCode) -> None:
        super().__init__(reason)
        self.status = status
        self.waits = status is StatusCode.UNAVAILABLE


async def deliver(event: CloudEvent, subscription: Subscription, router: Router) -> None:
    """Give a message to its subscriber and wait until it is handled.

    Raises:
        Undeliverable: nobody takes its type, or who takes it has failed.
    """
    handler = subscription.handler(event.data.type_url)
    if handler is None:
        known = ", ".join(sorted(subscription.handlers))
        text = f"nobody in `{subscription.service}` takes {event.data.type_url}; it takes {known}"
        raise Undeliverable(text, StatusCode.UNIMPLEMENTED)
    request = Request(subscription.service, handler.command, _payload(event, handler), metadata_of(event))
    if handler.streamed:
        await _drain(request, router)
        return
    result = await router.call(request)
    if isinstance(result, Failure):
        raise Undeliverable(result.description, result.status)


async def _drain(request: Request, router: Router) -> None:
    limit = asyncio.get_running_loop().time() + EFFECT_LIMIT
    try:
        async with (
            asyncio.timeout_at(limit),
            aclosing(router.stream(request._replace(deadline=limit), _once(request.payload))) as replies,
        ):
            async for _ in replies:
                pass
    except CloudStateError as error:
        raise Undeliverable(str(error), error.status) from error
    except TimeoutError as error:
        raise Undeliverable(f"`{request.command}` did not finish in time", StatusCode.DEADLINE_EXCEEDED) from error


async def _once(payload: bytes) -> AsyncIterator[bytes]:
    yield payload


def _payload(event: CloudEvent, handler: Handler) -> bytes:
    if handler.input == ANY:
        return AnyMessage(type_url=event.data.type_url, value=event.data.value).SerializeToString()
    return event.data.value


def metadata_of(event: CloudEvent) -> Metadata:
    """A message's attributes as metadata of a command."""
    made = [
        ("ce-id", event.id),
        ("ce-source", event.source),
        ("ce-specversion", "1.0"),
        ("ce-type", event.type),
        ("content-type", content_type(event.data.type_url)),
    ]
    if event.subject:
        made.append(("ce-subject", event.subject))
    if event.time:
        made.append(("ce-time", datetime.fromtimestamp(event.time, UTC).isoformat()))
    return tuple(made)


def content_type(type_url: str) -> str:
    """The media type of a payload."""
    if type_url.startswith(JSON_PREFIX):
        return "application/json"
    if type_url == TEXT_URL:
        return "text/plain; charset=utf-8"
    return "application/protobuf" if type_url.startswith(PROTOBUF_PREFIX) else "application/octet-stream"
