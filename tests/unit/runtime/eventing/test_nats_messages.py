"""Messages of NATS: those of others may have anything in their headers, and none is left at work."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from cloudstate.runtime.eventing.deliver import CloudEvent
from cloudstate.runtime.eventing.nats_broker import NatsBroker, _event

STORED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def message(**headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    metadata = SimpleNamespace(sequence=SimpleNamespace(stream=7), timestamp=STORED)
    return SimpleNamespace(headers=named, data=b"x", subject="topic.mail", metadata=metadata)


def test_without_headers_a_message_has_what_the_stream_knows() -> None:
    found = _event(message())
    assert (found.id, found.source, found.type, found.subject) == ("7", "topic.mail", "", "")
    assert (found.data.type_url, found.time) == ("p.cloudstate.io/bytes", STORED.timestamp())


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2020-01-01T00:00:00Z", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T00:00:00", datetime(2020, 1, 1, tzinfo=UTC)),
        ("yesterday", STORED),
    ],
)
def test_times(time: str, expected: datetime) -> None:
    assert _event(message(ce_time=time)).time == expected.timestamp()


@pytest.mark.parametrize("value", ["=?utf-8?b?!!!?=", "=?klingon?q?x?=", "=?utf-8?b?/w==?=", "plain"])
def test_headers_that_cannot_be_decoded(value: str) -> None:
    assert isinstance(_event(message(ce_subject=value)).subject, str)


async def test_who_stops_consuming_leaves_no_message_at_work() -> None:
    begun, over = asyncio.Event(), False

    async def handle(event: CloudEvent) -> None:
        nonlocal over
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)  # whatever the handler still has to do
            over = True

    settling = asyncio.create_task(NatsBroker("nats://localhost:4222")._settle(message(), handle))
    await begun.wait()
    settling.cancel()
    await asyncio.wait({settling})
    assert settling.cancelled()
    assert over
