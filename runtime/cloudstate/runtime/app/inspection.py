"""What a journal holds, for people: rows of plain values, with payloads decoded by the compiled service."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from cloudstate.runtime.description import Model, ServiceDescription
from cloudstate.runtime.errors import CloudStateError, ServiceInvalid
from cloudstate.runtime.eventing.bookkeeping import DEAD_LETTER
from cloudstate.runtime.eventing.wrapping import unwrapped
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    Event,
    History,
    Journal,
    Logged,
    Value,
    WriteValue,
    WrongExpectedSequence,
)
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Payload

#: A line of output; the keys are stable.
Row = dict[str, Any]

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Inspection:
    """A journal, looked at with the eyes of a service.

    Attributes:
        functions: the author's event-sourced entities by persistence type, for rebuilding states.
    """

    journal: Journal
    description: ServiceDescription
    functions: dict[str, EmbeddedEventSourced]

    async def keys(self, type: str) -> AsyncIterator[EntityKey]:
        """Every entity of a type."""
        after: str | None = None
        while page := await self.journal.entities(type, after, _PAGE):
            for key in page:
                yield key
            after = page[-1].id

    async def types(self) -> AsyncIterator[Row]:
        """Each type, with how many entities it has."""
        for type in await self.journal.types():
            yield {"type": type, "entities": sum([1 async for _ in self.keys(type)])}

    async def entities(self, type: str) -> AsyncIterator[Row]:
        """Each entity of a type, with its sequence."""
        async for key in self.keys(type):
            yield {"type": type, "id": key.id, "sequence": (await self.journal.load_value(key)).sequence}

    async def events(self, key: EntityKey) -> AsyncIterator[Row]:
        """Each event of an entity."""
        async for logged in self._logged(key):
            payload = self.decoded(logged.payload)
            yield {"sequence": logged.sequence, "time": _time(logged.time), **payload}

    async def state(self, key: EntityKey, at: int | None = None) -> Row:
        """The state of an entity, now or after so many events.

        Raises:
            ServiceInvalid: there is no entity like that, or no past of it.
        """
        stored = await self.journal.load_value(key)
        if not self._is_event_sourced(key.type):
            if at is not None:
                raise ServiceInvalid(f"`{key.type}` has no events to go back to", help="leave `--at` out")
            payload = {} if stored.payload is None else self.decoded(stored.payload)
            return {"type": key.type, "id": key.id, "sequence": stored.sequence, **payload}
        function = self.functions.get(key.type)
        if function is None:
            raise ServiceInvalid(
                f"the code of `{key.type}` is not in this project", help="only it can make a state of events"
            )
        events = [Event(logged.sequence, logged.payload) async for logged in self._logged(key) if _within(logged, at)]
        instance = function.instance(key)
        sequence = await instance.start(_Past(History(None, events, len(events))))
        state = json_format.MessageToDict(instance.state, preserving_proto_field_name=True)
        return {"type": key.type, "id": key.id, "sequence": sequence, "state": state}

    async def sequence_at(self, key: EntityKey, moment: datetime) -> int:
        """How many events an entity had at a moment."""
        return sum([1 async for logged in self._logged(key) if logged.time <= moment.timestamp()])

    async def export(self, type: str | None) -> AsyncIterator[Row]:
        """Everything that can be brought into another journal: events in order, and values."""
        for each in await self.journal.types() if type is None else [type]:
            async for key in self.keys(each):
                found = False
                async for logged in self._logged(key):
                    found = True
                    row = {"type": key.type, "id": key.id, "sequence": logged.sequence, "time": _time(logged.time)}
                    yield {**row, **_raw(logged.payload)}
                stored = await self.journal.load_value(key)
                if not found and stored.payload is not None:
                    yield {"type": key.type, "id": key.id, "value": stored.sequence, **_raw(stored.payload)}

    async def verify(self) -> AsyncIterator[Row]:
        """What is wrong with what is stored: gaps, payloads that the service does not know or cannot read."""
        for type in await self.journal.types():
            async for key in self.keys(type):
                async for problem in self._problems(key):
                    yield {"type": key.type, "id": key.id, **problem}

    async def _problems(self, key: EntityKey) -> AsyncIterator[Row]:
        expected = 1
        try:
            async for logged in self._logged(key):
                if logged.sequence != expected:
                    yield {"sequence": logged.sequence, "problem": f"event {expected} is missing"}
                expected = logged.sequence + 1
                decoded = self.decoded(logged.payload)
                if "problem" in decoded:
                    yield {"sequence": logged.sequence, "problem": decoded["problem"]}
            stored = await self.journal.load_value(key)
            decoded = self.decoded(stored.payload) if stored.payload is not None else {}
            if "problem" in decoded:
                yield {"sequence": stored.sequence, "problem": f"its state: {decoded['problem']}"}
        except CloudStateError as error:
            yield {"problem": str(error)}

    def decoded(self, payload: Payload) -> Row:
        """A payload as JSON where the service knows its type, else in base64 with the problem."""
        name = payload.type_url.removeprefix(PROTOBUF_PREFIX)
        if payload.type_url.startswith("json.cloudstate.io/"):
            return {"event": name, "data": unwrapped(payload).decode("utf-8", "replace")}
        try:
            message = GetMessageClass(self.description.schema.message(name)).FromString(payload.value)
        except (ServiceInvalid, DecodeError) as error:
            unknown = "the service does not know its type" if isinstance(error, ServiceInvalid) else "it is damaged"
            internal = payload.type_url.startswith(("p.cloudstate.io/", "crdt.cloudstate.io/"))
            return _raw(payload) if internal else {**_raw(payload), "problem": f"{payload.type_url}: {unknown}"}
        return {"event": name, "data": json_format.MessageToDict(message, preserving_proto_field_name=True)}

    def _is_event_sourced(self, type: str) -> bool:
        models = {entity.type: entity.model for entity in self.description.entities}
        return models.get(type) is Model.EVENT_SOURCED or type == DEAD_LETTER

    async def _logged(self, key: EntityKey) -> AsyncIterator[Logged]:
        after = 0
        while page := await self.journal.events(key, after, _PAGE):
            for logged in page:
                yield logged
            after = page[-1].sequence


async def take_in(journal: Journal, rows: AsyncIterator[Row]) -> tuple[int, int]:
    """Bring exported rows into a journal; what is there already is left alone.

    Returns:
        how many rows were written, and how many were there.

    Raises:
        ServiceInvalid: a row is not one of an export, or does not fit what is there.
        JournalError: it cannot be written.
    """
    written = known = 0
    async for row in rows:
        try:
            key = EntityKey(row["type"], row["id"])
            payload = Payload(row["type_url"], b64decode(row["base64"]))
            place = int(row["value"] if "value" in row else row["sequence"])
        except (KeyError, TypeError, ValueError) as error:
            raise ServiceInvalid(
                f"this is not a line of an export: {row}", help="`journal export` writes them"
            ) from error
        at = (await journal.load_value(key)).sequence
        if at >= place or ("value" in row and at > 0):
            known += 1
            continue
        append = WriteValue(key, at, payload) if "value" in row else AppendEvents(key, place - 1, (payload,))
        try:
            await journal.append(append)
        except WrongExpectedSequence as error:
            raise ServiceInvalid(
                f"`{key.type}` entity `{key.id}`: event {place} does not follow what is there ({error.actual})",
                help="bring in the whole export, in its order",
            ) from error
        written += 1
    return written, known


class _Past:
    """A history as far as a tool wants it."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def load(self, entity: EntityKey, *, schema: str | None = None) -> History:
        return self._history

    async def load_value(self, entity: EntityKey) -> Value:
        raise AssertionError("event-sourced entities only")


def _within(logged: Logged, at: int | None) -> bool:
    return at is None or logged.sequence <= at


def _raw(payload: Payload) -> Row:
    return {"type_url": payload.type_url, "base64": b64encode(payload.value).decode()}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
