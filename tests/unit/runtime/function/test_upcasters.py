"""Histories that older releases have written: what upcasters make of them, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from google.type.timeofday_pb2 import TimeOfDay
from tests.unit.runtime.accounts import Account, Note

from cloudstate.runtime.authoring import UpcasterType
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import EntityFailed, ServiceInvalid
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.function.value import EmbeddedValue
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.journal.port import AppendEvents, EntityKey, Journal, WriteValue
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Payload

ACCOUNT, NOTE = EntityKey("account", "a"), EntityKey("note", "a")


class Migrated(Account):
    """An account whose events were called otherwise, and were times of day before that."""

    definition = replace(
        Account.definition,
        upcasters=(
            UpcasterType("old.Day", Date),
            UpcasterType("google.type.TimeOfDay", Date, "upcast_time_of_day", TimeOfDay),
            UpcasterType("old.Balance", Money),
        ),
    )

    def upcast_time_of_day(self, old: TimeOfDay) -> Date:
        if old.seconds:
            return old
        return Date(year=old.hours)


class MigratedNote(Note):
    """A note that was a date."""

    definition = replace(Note.definition, upcasters=(UpcasterType("google.type.Date", Money, "upcast_date", Date),))

    def upcast_date(self, old: Date) -> Money:
        return Money(units=100 // old.year)


def stored(name: str, message: Date | Money | TimeOfDay) -> Payload:
    return Payload(PROTOBUF_PREFIX + name, message.SerializeToString())


@pytest.fixture
def journal() -> Journal:
    return MemoryJournal(SystemClock())


async def balance(journal: Journal, account: Account) -> int:
    instance = EmbeddedEventSourced(account).instance(ACCOUNT)
    await instance.start(journal)
    units: int = instance.state.units
    return units


async def test_events_are_read_under_their_old_names(journal: Journal) -> None:
    events = (
        stored("google.type.TimeOfDay", TimeOfDay(hours=5)),
        stored("old.Day", Date(year=30)),
        stored("google.type.Date", Date(year=100)),
    )
    await journal.append(AppendEvents(ACCOUNT, 0, events))
    assert await balance(journal, Migrated()) == 135
    with pytest.raises(EntityFailed, match="sequence 1"):
        await balance(journal, Account())


async def test_snapshots_are_read_under_their_old_names(journal: Journal) -> None:
    snapshot = stored("old.Balance", Money(units=7))
    await journal.append(AppendEvents(ACCOUNT, 0, (stored("google.type.Date", Date(year=7)),), snapshot))
    await journal.append(AppendEvents(ACCOUNT, 1, (stored("old.Day", Date(year=3)),)))
    assert await balance(journal, Migrated()) == 10
    with pytest.raises(EntityFailed):
        await balance(journal, Account())


async def test_what_an_upcaster_returns_is_held_to_its_type(journal: Journal) -> None:
    await journal.append(AppendEvents(ACCOUNT, 0, (stored("google.type.TimeOfDay", TimeOfDay(seconds=1)),)))
    with pytest.raises(EntityFailed) as failed:
        await balance(journal, Migrated())
    assert str(failed.value.__cause__) == "upcaster `upcast_time_of_day` returned TimeOfDay instead of Date"


async def test_values_are_converted_when_they_are_loaded(journal: Journal) -> None:
    await journal.append(WriteValue(NOTE, 0, stored("google.type.Date", Date(year=25))))
    instance = EmbeddedValue(MigratedNote()).instance(NOTE)
    assert await instance.start(journal) == 1
    assert Money.FromString(instance._value or b"").units == 4
    with pytest.raises(EntityFailed, match="decoding a stored"):
        await EmbeddedValue(Note()).instance(NOTE).start(journal)


async def test_an_upcaster_that_fails_fails_the_entity(journal: Journal) -> None:
    await journal.append(WriteValue(NOTE, 0, stored("google.type.Date", Date(year=0))))
    with pytest.raises(EntityFailed) as failed:
        await EmbeddedValue(MigratedNote()).instance(NOTE).start(journal)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


async def test_one_upcaster_goes_on_where_another_ends(journal: Journal) -> None:
    class Chained(Account):
        definition = replace(
            Account.definition,
            upcasters=(
                UpcasterType("old.Deposit", TimeOfDay),
                UpcasterType("google.type.TimeOfDay", Date, "upcast_time_of_day", TimeOfDay),
            ),
        )

        def upcast_time_of_day(self, old: TimeOfDay) -> Date:
            return Date(year=old.hours)

    await journal.append(AppendEvents(ACCOUNT, 0, (stored("old.Deposit", TimeOfDay(hours=9)),)))
    assert await balance(journal, Chained()) == 9


def test_generated_code_that_does_not_fit() -> None:
    class Circle(Account):
        definition = replace(Account.definition, upcasters=(UpcasterType("google.type.TimeOfDay", TimeOfDay),))

    class Without(Account):
        definition = replace(
            Account.definition, upcasters=(UpcasterType("google.type.TimeOfDay", Date, "upcast", TimeOfDay),)
        )

    with pytest.raises(ServiceInvalid, match="leads back to it"):
        EmbeddedEventSourced(Circle())
    with pytest.raises(ServiceInvalid, match="`Without` has no method `upcast`"):
        EmbeddedEventSourced(Without())
