"""What a consumer of the table says, and what watchers are told of it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from nats.aio.msg import Msg

from cloudstate.runtime.cluster.engine import Entry
from cloudstate.runtime.cluster.nats_engine import watching
from cloudstate.runtime.cluster.nats_engine.bucket import Bucket
from cloudstate.runtime.cluster.nats_engine.watching import _Feed, _place_of


class Consumer:
    """A feed, and what it tells."""

    def __init__(self, highest: int = 0) -> None:
        self.wholes: list[list[str]] = []
        self.told: list[str] = []
        bucket = Bucket(cast("Any", None), "shop")
        self._prefix = bucket.prefix
        self._sent = 0
        self.feed = _Feed(cast("Any", None), bucket, highest, self._whole, self._tell)

    def says(
        self, place: int, key: str, value: str = "x", *, behind: int = 0, skip: int = 0, operation: str = ""
    ) -> None:
        """It sends a message, when so many others wait behind it."""
        self._sent += 1 + skip
        headers = {"KV-Operation": operation} if operation else None
        reply = f"$JS.ACK.S.C.1.{place}.{self._sent}.0.{behind}"
        self._hear(Msg(cast("Any", None), self._prefix + key, reply, value.encode(), headers))

    def beats(self, sent: int | None = None, status: str = "100") -> None:
        """It says that it is there, and how many messages it has sent."""
        headers = {"Status": status, "Nats-Last-Consumer": str(self._sent if sent is None else sent)}
        self._hear(Msg(cast("Any", None), "inbox", "", b"", headers))

    @property
    def broken(self) -> str | None:
        return self.feed._broken.result() if self.feed._broken.done() else None

    def _hear(self, message: Msg) -> None:
        self.feed._hear(message)

    def _whole(self, entries: list[Entry]) -> None:
        self.wholes.append([text(entry) for entry in entries])

    def _tell(self, entry: Entry) -> None:
        self.told.append(text(entry))


def text(entry: Entry) -> str:
    return f"{entry.revision}:{entry.key}={entry.value.decode()}"


async def test_the_table_is_told_when_it_is_whole() -> None:
    consumer = Consumer()
    consumer.says(5, "a", behind=2)
    consumer.says(7, "b", behind=1)
    assert (consumer.wholes, consumer.told) == ([], [])
    consumer.says(9, "c")
    assert (consumer.wholes, consumer.told) == ([["5:a=x", "7:b=x", "9:c=x"]], [])


async def test_an_empty_table_is_told_at_a_sign_of_life() -> None:
    consumer = Consumer()
    consumer.beats()
    assert consumer.wholes == [[]]


async def test_a_record_that_changes_meanwhile_is_told_once() -> None:
    consumer = Consumer()
    consumer.says(5, "a", "old", behind=2)
    consumer.says(7, "b", behind=1)
    consumer.says(8, "a", "new")
    assert consumer.wholes == [["7:b=x", "8:a=new"]]


async def test_a_change_that_follows_is_told_at_once() -> None:
    consumer = Consumer()
    consumer.beats()
    consumer.says(1, "a")
    consumer.says(2, "b", behind=5)
    consumer.says(3, "b", "", behind=4, operation="DEL")
    assert consumer.told == ["1:a=x", "2:b=x", "3:b="]


async def test_what_lies_between_a_change_left_out_and_its_successor_waits() -> None:
    consumer = Consumer()
    consumer.beats()
    consumer.says(1, "shard", "me")
    consumer.says(3, "life", behind=2)  # 2 was `shard`, which has changed again
    consumer.says(4, "other", behind=1)
    assert consumer.told == ["1:shard=me"]
    consumer.says(5, "shard", "third")
    assert consumer.told == ["1:shard=me", "3:life=x", "4:other=x", "5:shard=third"]


async def test_what_waits_is_told_when_as_many_have_come_as_were_behind() -> None:
    consumer = Consumer()
    consumer.beats()
    consumer.says(1, "a")
    consumer.says(3, "b", behind=1)
    consumer.says(4, "c", behind=6)
    assert consumer.told == ["1:a=x", "3:b=x", "4:c=x"]


async def test_what_waits_is_told_at_a_sign_of_life() -> None:
    consumer = Consumer()
    consumer.beats()
    consumer.says(1, "a")
    consumer.says(3, "b", behind=7)  # more than there are: the server is wrong
    assert consumer.told == ["1:a=x"]
    consumer.beats()
    assert consumer.told == ["1:a=x", "3:b=x"]


async def test_a_replica_that_lags_tells_nothing_old() -> None:
    consumer = Consumer(highest=9)
    consumer.says(5, "a", "old", behind=1)
    consumer.says(7, "b")
    consumer.beats()
    assert consumer.wholes == []
    consumer.says(9, "a", "known")
    assert consumer.wholes == [["7:b=x", "9:a=known"]]


async def test_what_was_lost_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = Consumer(highest=9)
    consumer.says(5, "a", "old")
    assert consumer.wholes == []
    monkeypatch.setattr(watching, "_LAG", 0.0)
    consumer.beats()
    assert consumer.wholes == [["5:a=old"]]


@pytest.mark.parametrize("miss", ["number", "sign", "status"])
async def test_missing_messages_are_noticed(miss: str) -> None:
    consumer = Consumer()
    consumer.says(1, "a")
    assert consumer.broken is None
    if miss == "number":
        consumer.says(2, "b", skip=1)
    elif miss == "sign":
        consumer.beats(2)
    else:
        consumer.beats(status="409")
    assert consumer.broken is not None
    consumer.says(3, "c")
    assert consumer.told == []


@pytest.mark.parametrize("before", ["", "hub.acc."])
@pytest.mark.parametrize("after", ["", ".rnd"])
def test_where_a_consumer_is(before: str, after: str) -> None:
    reply = f"$JS.ACK.{before}KV_cloudstate-shop.name.1.70.8.1795646481863380000.3{after if before else ''}"
    assert _place_of(reply) == ((8, 70), 3)
    if before and after:
        about = Msg(cast("Any", None), "x", reply).metadata
        assert (about.sequence.consumer, about.sequence.stream, about.num_pending) == (8, 70, 3)
