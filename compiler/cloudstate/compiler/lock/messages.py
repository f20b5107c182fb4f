"""Messages: whether what was encoded as a recorded message is read by today's as it was written.

Numbers are what bytes have, so a field is followed by its number; but a name that is there under another number means
that the author has moved it. Nested messages are compared by what they hold, not by their names: bytes do not say how
they are called.
"""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Code, codes
from cloudstate.compiler.lock.cardinality import keeps_all
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.declaration import field_text
from cloudstate.compiler.lock.enums import compare_enum, is_same_enum
from cloudstate.compiler.lock.history import History
from cloudstate.compiler.lock.oneofs import compare_oneofs
from cloudstate.compiler.lock.recorded import SCALARS, Field, Label, Message, Stored
from cloudstate.compiler.lock.scalars import keeps_numbers, keeps_values

_IN_PLACE = "leave it as it was and add a field with a number of its own, or make a new message with an upcaster"
_WHY = {
    codes.FIELD_REMOVED.id: "what stored data says in it would no longer be read",
    codes.FIELD_RENUMBERED.id: "stored data has the number and not the name",
    codes.FIELD_TYPE_CHANGED.id: "not every stored value would be read as what it is",
    codes.NUMBER_REUSED.id: "old data would be read as what it never was",
    codes.CARDINALITY_CHANGED.id: "not every stored value would still be there",
    codes.REQUIRED_ADDED.id: "data without it could not be read at all",
    codes.DEFAULT_CHANGED.id: "where stored data has nothing, something else would be read",
}
_WELL_KNOWN = "google."
_WRAPPERS = {
    f"google.protobuf.{name}Value" for name in ("Int32", "Int64", "UInt32", "UInt64", "Bool", "String", "Bytes")
}


class MessageComparison:
    """Compares messages of one recorded version with those of today, each pair once.

    Args:
        old, new: all messages and enums of that version, and of today.
        history: all versions, for what numbers were used for.
        breaking: the verdict on data that is misread.
    """

    def __init__(self, old: Stored, new: Stored, history: History, breaking: Verdict) -> None:
        self._old = old
        self._new = new
        self._history = history
        self._breaking = breaking
        self._seen: set[tuple[str, str]] = set()
        self._waiting: list[tuple[str, str]] = []

    def compare(self, old_name: str, new_name: str) -> Iterator[Change]:
        """All changes between two messages and the messages that they are made of."""
        self._wait_for(old_name, new_name)
        while self._waiting:
            old, new = self._waiting.pop()
            yield from self._compared(self._old.messages[old], self._new.messages[new])

    def _wait_for(self, old_name: str, new_name: str) -> None:
        """Have two messages compared. Parts are not compared at once: messages can be nested deeper than calls."""
        if (old_name, new_name) not in self._seen:
            self._seen.add((old_name, new_name))
            self._waiting.append((old_name, new_name))

    def _compared(self, old: Message, new: Message) -> Iterator[Change]:
        if old == new:
            for field in old.fields:
                if field.type not in SCALARS:
                    yield from self._types(field, field, _Changes(old, field, new, self._breaking))
            return
        for field in old.fields:
            yield from self._field(old, field, new)
        for field in new.fields:
            if old.number(field.number) is None:
                yield from self._added(old, field, new)
        yield from compare_oneofs(old, new, self._new.messages, self._breaking)

    def are_alike(self, old_name: str, new_name: str) -> bool:
        """The one could be the other under another name: same names of fields, and nothing that breaks."""
        fields = {(field.number, field.name) for field in self._old.messages[old_name].fields}
        today = {(field.number, field.name) for field in self._new.messages[new_name].fields}
        other = MessageComparison(self._old, self._new, self._history, self._breaking)
        is_harmless = not any(change.verdict.is_breaking for change in other.compare(old_name, new_name))
        return fields <= today and is_harmless

    def _field(self, old: Message, field: Field, new: Message) -> Iterator[Change]:
        named, today = new.field(field.name), new.number(field.number)
        change = _Changes(old, field, new, self._breaking)
        if named is not None and named.number != field.number:
            yield change.breaking(codes.FIELD_RENUMBERED, named, f"give it back the number {field.number}")
        elif today is None:
            yield from self._removed(field, new, change)
        elif today.name == field.name:
            yield from self._values(field, today, change)
        elif self._history.retired_field(old.name, field.number):
            yield change.breaking(codes.NUMBER_REUSED, today, "take a number that was never used")
        else:
            if self._history.is_newest:
                yield change.renamed(today)
            yield from self._values(field, today, change)

    def _removed(self, field: Field, new: Message, change: _Changes) -> Iterator[Change]:
        if field.oneof:
            why = f"data that has it would look as if nothing of `{field.oneof}` was set"
            yield change.breaking(codes.FIELD_REMOVED, None, "keep it for as long as there is data with it", why)
        elif not new.reserves(field.number):
            help_ = f"write `reserved {field.number};` if what it holds is no longer needed; keep it otherwise"
            yield change.breaking(codes.FIELD_REMOVED, None, help_)

    def _added(self, old: Message, field: Field, new: Message) -> Iterator[Change]:
        change = _Changes(old, field, new, self._breaking)
        # If an earlier version had the number, comparing with that one shows what comes of it.
        if old.reserves(field.number) and not self._history.earlier_fields(old.name, field.number):
            help_ = "take a number that was never used"
            yield change.breaking(codes.NUMBER_REUSED, field, help_, was=f"reserved {field.number}")
        if field.label is Label.REQUIRED:
            yield change.breaking(codes.REQUIRED_ADDED, field, "make it optional", was="")

    def _values(self, old: Field, new: Field, change: _Changes) -> Iterator[Change]:
        """What becomes of a field's values where the field itself is still there."""
        was_message, is_message = old.type in self._old.messages, new.type in self._new.messages
        if old.is_group != new.is_group:
            yield change.breaking(codes.FIELD_TYPE_CHANGED, new, _IN_PLACE)
        elif not keeps_all(old, new, old_is_message=was_message, new_is_message=is_message):
            yield change.breaking(codes.CARDINALITY_CHANGED, new, _IN_PLACE)
        elif old.label is Label.MAP and new.label is Label.REPEATED:
            yield from self._entries(old, new, change)
        elif old.label is Label.MAP and not keeps_values(old.map_key, new.map_key):
            yield change.breaking(codes.FIELD_TYPE_CHANGED, new, _IN_PLACE)
        else:
            yield from self._types(old, new, change)
        if new.label is Label.REQUIRED and old.label is not Label.REQUIRED:
            yield change.breaking(codes.REQUIRED_ADDED, new, "make it optional")
        if old.default != new.default:
            yield change.breaking(codes.DEFAULT_CHANGED, new, "give it back its default")

    def _entries(self, old: Field, new: Field, change: _Changes) -> Iterator[Change]:
        """A map that became the repeated entries that it is on the wire."""
        entry = self._new.messages[new.type]
        types = {1: old.map_key, 2: old.type}
        for number, type_ in types.items():
            today = entry.number(number)
            if today is None or today.label in (Label.REPEATED, Label.MAP) or today.oneof:
                yield change.breaking(codes.FIELD_TYPE_CHANGED, new, _IN_PLACE)
                return
            yield from self._types(Field(number, today.name, type_), today, change)

    def _types(self, old: Field, new: Field, change: _Changes) -> Iterator[Change]:
        if old.type in self._old.messages and new.type in self._new.messages:
            if self._is_same_message(old.type, new.type):
                self._wait_for(old.type, new.type)
                return
        elif old.type in self._old.enums and new.type in self._new.enums:
            before, after = self._old.enums[old.type], self._new.enums[new.type]
            if before.name == after.name:
                yield from compare_enum(before, after, self._history, self._breaking)
                return
            if is_same_enum(before, after):
                return
        elif old.type in self._old.enums:
            if keeps_numbers((number for number, _ in self._old.enums[old.type].values), new.type):
                return
        elif {old.type, new.type} <= SCALARS and keeps_values(old.type, new.type):
            return
        yield change.breaking(codes.FIELD_TYPE_CHANGED, new, _IN_PLACE)

    def _is_same_message(self, old_name: str, new_name: str) -> bool:
        """It may have another name, but then what it holds must have the same names: two messages of the same shape
        can mean different things. Those of Google are known by name."""
        if old_name == new_name or {old_name, new_name} <= _WRAPPERS:
            return True
        if old_name.startswith(_WELL_KNOWN) or new_name.startswith(_WELL_KNOWN):
            return False
        old, new = self._old.messages[old_name], self._new.messages[new_name]
        shared = ((field, new.number(field.number)) for field in old.fields)
        return all(today is None or today.name == field.name for field, today in shared)


class _Changes:
    """Makes the changes of one field."""

    def __init__(self, old: Message, field: Field, new: Message, verdict: Verdict) -> None:
        self._subject = f"{old.name}.{field.name}"
        self._field = field
        self._message = new.name
        self._verdict = verdict

    def breaking(self, code: Code, today: Field | None, help_: str, why: str = "", was: str | None = None) -> Change:
        part = today.name if today is not None else ""
        return Change(
            code=code,
            subject=self._subject,
            place=Place(PlaceKind.MESSAGE, self._message, part),
            verdict=self._verdict,
            was=(field_text(self._field) if was is None else was,),
            now=field_text(today) if today is not None else "",
            why=why or _WHY[code.id],
            help=help_,
        )

    def renamed(self, today: Field) -> Change:
        place = Place(PlaceKind.MESSAGE, self._message, today.name)
        help_ = "if it means something else now, give it a number of its own"
        was, now = (field_text(self._field),), field_text(today)
        return Change(codes.FIELD_RENAMED, self._subject, place, Verdict.SAFE, was, now, help=help_)
