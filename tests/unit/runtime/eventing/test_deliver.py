"""Giving a message to its subscriber: it takes only so long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.eventing import deliver as room
from cloudstate.runtime.eventing.declared import Handler, Subscription
from cloudstate.runtime.eventing.deliver import CloudEvent, Undeliverable, deliver
from cloudstate.runtime.host import Router
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Payload

MAIL = Subscription("shop.Mail", "mail", "cart", False, {"shop.Added": Handler("Send", "shop.Added", streamed=True)})
ADDED = CloudEvent("ann/1", "cart", "shop.Added", Payload(PROTOBUF_PREFIX + "shop.Added", b""))


class Endless:
    """A subscriber whose stream of replies never ends."""

    closed = False

    async def stream(self, request: Any, requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        try:
            yield b""
            await asyncio.get_running_loop().create_future()
        finally:
            self.closed = True


async def test_a_stream_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "EFFECT_LIMIT", 0.01)
    router = Endless()
    with pytest.raises(Undeliverable, match="`Send` did not finish in time") as failed:
        await deliver(ADDED, MAIL, cast(Router, router))
    assert failed.value.status is StatusCode.DEADLINE_EXCEEDED
    assert router.closed
