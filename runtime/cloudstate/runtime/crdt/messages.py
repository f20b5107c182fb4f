"""Changes as the protocol's ``CrdtDelta``, and back: the only module of this room that knows protobuf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage

from cloudstate import crdt_pb2 as pb
from cloudstate.runtime.crdt.datatype import Change
from cloudstate.runtime.crdt.errors import ChangeRefused
from cloudstate.runtime.crdt.flag import FlagChange
from cloudstate.runtime.crdt.gcounter import GCounterChange
from cloudstate.runtime.crdt.gset import GSetChange
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.crdt.lwwregister import Clock, LWWRegisterChange
from cloudstate.runtime.crdt.ormap import EntryChange, ORMapChange
from cloudstate.runtime.crdt.orset import ORSetChange
from cloudstate.runtime.crdt.pncounter import PNCounterChange
from cloudstate.runtime.crdt.vote import VoteChange
from cloudstate.runtime.payload import Payload


def change_of(message: pb.CrdtDelta) -> Change:
    """The change that a message asks for.

    Raises:
        ChangeRefused: the message, or a child's in it, says nothing, or has a clock that does not exist.
    """
    name = message.WhichOneof("delta")
    if name is None:
        raise ChangeRefused(None, "an empty delta: it names no data type")
    return _FROM[name](getattr(message, name))


def delta_message(change: Change) -> pb.CrdtDelta:
    """A change as a message."""
    return _TO[change.kind](change)


def _payloads(messages: Iterable[AnyMessage]) -> tuple[Payload, ...]:
    return tuple(Payload(message.type_url, message.value) for message in messages)


def _anys(payloads: Iterable[Payload]) -> list[AnyMessage]:
    return [AnyMessage(type_url=payload.type_url, value=payload.value) for payload in payloads]


def _register(message: pb.LWWRegisterDelta) -> LWWRegisterChange:
    try:
        clock = Clock(message.clock)
    except ValueError:
        raise ChangeRefused(Kind.LWWREGISTER, f"no clock {message.clock}") from None
    return LWWRegisterChange(Payload(message.value.type_url, message.value.value), clock, message.custom_clock_value)


def _entries(messages: Iterable[pb.ORMapEntryDelta]) -> tuple[EntryChange, ...]:
    return tuple(EntryChange(Payload(it.key.type_url, it.key.value), change_of(it.delta)) for it in messages)


def _entry_messages(entries: Iterable[EntryChange]) -> list[pb.ORMapEntryDelta]:
    return [pb.ORMapEntryDelta(key=_anys([it.key])[0], delta=delta_message(it.change)) for it in entries]


_FROM: Mapping[str, Callable[[Any], Change]] = {
    "gcounter": lambda it: GCounterChange(it.increment),
    "pncounter": lambda it: PNCounterChange(it.change),
    "gset": lambda it: GSetChange(_payloads(it.added)),
    "orset": lambda it: ORSetChange(it.cleared, _payloads(it.removed), _payloads(it.added)),
    "lwwregister": _register,
    "flag": lambda it: FlagChange(it.value),
    "ormap": lambda it: ORMapChange(it.cleared, _payloads(it.removed), _entries(it.updated), _entries(it.added)),
    "vote": lambda it: VoteChange(it.self_vote, it.votes_for, it.total_voters),
}


def _gcounter(change: GCounterChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(gcounter=pb.GCounterDelta(increment=change.increment))


def _pncounter(change: PNCounterChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(pncounter=pb.PNCounterDelta(change=change.change))


def _gset(change: GSetChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(gset=pb.GSetDelta(added=_anys(change.added)))


def _orset(change: ORSetChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(
        orset=pb.ORSetDelta(cleared=change.cleared, removed=_anys(change.removed), added=_anys(change.added))
    )


def _lwwregister(change: LWWRegisterChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(
        lwwregister=pb.LWWRegisterDelta(
            value=_anys([change.value])[0],
            clock=change.clock.name,
            custom_clock_value=change.custom_clock,
        )
    )


def _flag(change: FlagChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(flag=pb.FlagDelta(value=change.on))


def _ormap(change: ORMapChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(
        ormap=pb.ORMapDelta(
            cleared=change.cleared,
            removed=_anys(change.removed),
            updated=_entry_messages(change.updated),
            added=_entry_messages(change.added),
        )
    )


def _vote(change: VoteChange) -> pb.CrdtDelta:
    return pb.CrdtDelta(
        vote=pb.VoteDelta(self_vote=change.self_vote, votes_for=change.votes_for, total_voters=change.total_voters)
    )


_TO: Mapping[Kind, Callable[[Any], pb.CrdtDelta]] = {
    Kind.GCOUNTER: _gcounter,
    Kind.PNCOUNTER: _pncounter,
    Kind.GSET: _gset,
    Kind.ORSET: _orset,
    Kind.LWWREGISTER: _lwwregister,
    Kind.FLAG: _flag,
    Kind.ORMAP: _ormap,
    Kind.VOTE: _vote,
}
