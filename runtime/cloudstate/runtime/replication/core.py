"""How members keep their replicas alike, without I/O: calls in, effects out.

**Changes** go to all members, those of one entity together that are made in one turn of the loop. A member that has the
entity in memory merges it. One that has not needs nothing where the journal is shared: it is there already. Where each
member has a journal of its own, it writes it there. Then it acknowledges what somebody waits for.

**What is lost** is found by comparing (``comparison.py``): a member announces a digest, one that holds another record
sends its own, and gets that of the first in return.

**Time** is the event loop's, in seconds. What is to be sent is collected; ``flush`` gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from cloudstate.runtime.crdt import Dot, EncodingInvalid, Record, decode, encode
from cloudstate.runtime.crdt.record import merged
from cloudstate.runtime.crdt.stability import digest
from cloudstate.runtime.entity.crdt_messages import Consistency
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.replication.asking import Asking
from cloudstate.runtime.replication.comparison import Comparison
from cloudstate.runtime.replication.effects import (
    Effect,
    Hear,
    Look,
    Receipt,
    Reread,
    Send,
    Told,
    Warn,
)
from cloudstate.runtime.replication.frames import Frame, fits
from cloudstate.runtime.replication.items import (
    Acked,
    Announced,
    Answered,
    Asked,
    Delta,
    Item,
    Same,
    Stale,
    Whole,
)
from cloudstate.runtime.replication.limits import Limits
from cloudstate.runtime.replication.port import Residents
from cloudstate.runtime.replication.rounds import Rounds
from cloudstate.runtime.replication.spreads import Result, Spreads, Waiter

#: What a member can be called: others are not answered.
_IS_NAME = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)


class Change(NamedTuple):
    """A change, and the latest dot of its node before it."""

    delta: Record
    after: Dot


class _Outgoing:
    """What is to be sent of one entity: changes of one node in one generation."""

    __slots__ = ("after", "delta", "key", "waiters")

    def __init__(self, key: EntityKey, change: Change) -> None:
        self.key = key
        self.delta, self.after = change
        self.waiters: list[Waiter] = []

    def takes(self, change: Change) -> bool:
        """True if a change can be sent together with these."""
        return self.after.node == change.after.node and self.delta.generation == change.delta.generation


class Core:
    """See the module.

    Args:
        me: this member.
        largest: see the attribute.

    Attributes:
        largest: the largest message, in bytes; may be changed at any time.
    """

    def __init__(self, me: str, largest: int, limits: Limits) -> None:
        self.largest = largest
        self.members = frozenset({me})
        self._me = me
        self._limits = limits
        self._residents: dict[str, Residents] = {}
        self._spreads = Spreads(me, self.members, limits.wait)
        self._comparison = Comparison(me, self.members)
        self._asking = Asking()
        self._rounds = Rounds(partial(self._everything, True), limits)
        self._outgoing: list[_Outgoing] = []
        self._newest: dict[EntityKey, _Outgoing] = {}
        self._unconfirmed: dict[EntityKey, _Outgoing] = {}
        """Where journals are private: what was changed here since all others held the same."""
        self._to_all: list[Item] = []
        self._to: dict[str, list[Item]] = {}
        self._number = 0
        self._wholes_left = limits.wholes

    @property
    def is_alone(self) -> bool:
        """True if no other member is there."""
        return len(self.members) == 1

    @property
    def compared(self) -> int:
        """How many entities are not known to be the same everywhere."""
        return len(self._comparison)

    def serve(self, residents: Residents) -> None:
        """Keep the entities of a type alike."""
        self._residents[residents.entity_type] = residents

    # --- From here ----------------------------------------------------------------------------------------------------

    def spread(self, key: EntityKey, change: Change, consistency: Consistency, ticket: Any, now: float) -> list[Effect]:
        """A change was made here, and is durable. ``ticket`` is told if more than LOCAL is asked for."""
        if self.is_alone:
            return [] if consistency is Consistency.LOCAL else [Told(ticket, True)]
        if key not in self._comparison:
            self._unconfirmed.pop(key, None)
        self._comparison.changed(key, now)
        newest = self._newest.get(key)
        if newest is not None and newest.takes(change):
            newest.delta = merged(newest.delta, change.delta)
        else:
            newest = self._newest[key] = _Outgoing(key, change)
            self._outgoing.append(newest)
        if consistency is not Consistency.LOCAL:
            newest.waiters.append(Waiter(consistency, ticket))
        return []

    def ask(self, key: EntityKey, ticket: Any, now: float) -> list[Effect]:
        """What do the others know of an entity? ``ticket`` is told with ``Learned``; None: there is nobody."""
        self._number += 1
        self._to_all.append(Asked(self._number, key))
        self._asking.begin(self._number, self.members - {self._me}, ticket, now + self._limits.ask)
        return []

    def acknowledge(self, receipt: Receipt) -> None:
        """What a member has told is merged and durable here."""
        if receipt.number:
            self._reply(receipt.member, Acked(receipt.number))

    def missed(self, key: EntityKey, receipt: Receipt) -> list[Effect]:
        """What a member has told was not merged: something that came before it is not known here."""
        if self._residents[key.type].shared:
            return [Reread(key, receipt)]
        record = self._residents[key.type].durable(key.id)
        return [] if record is None else self._differs(receipt.member, key, record)

    def members_changed(self, members: frozenset[str], now: float) -> list[Effect]:
        """Processes have come or gone."""
        before, self.members = self.members, members | {self._me}
        has_joined, has_left = bool(self.members - before), bool(before - self.members)
        compared = [key for shared in (True, False) if has_joined or not shared for key in self._everything(shared)]
        self._comparison.members_changed(self.members, compared, now)
        if has_left:
            self._rounds.hurry()
        return [*_told(self._spreads.members_changed(self.members)), *self._asking.members_changed(self.members)]

    def returned(self, now: float) -> None:
        """This member was out of touch, and is no longer."""
        compared = [*self._everything(True), *self._everything(False)]
        self._comparison.members_changed(self.members, compared, now)
        self._rounds.hurry()

    def tick(self, now: float) -> list[Effect]:
        """Some time has passed."""
        self._wholes_left = self._limits.wholes
        again, results = self._spreads.due(now)
        for members, item in again:
            for member in sorted(members):
                self._reply(member, item)
        if self._comparison.is_overfull and len(self._comparison) < self._limits.announced:
            self._comparison.is_overfull = False
            self.returned(now)
        self._announce(now)
        self._unconfirmed = {key: kept for key, kept in self._unconfirmed.items() if key in self._comparison}
        reread = [] if self.is_alone else [Reread(key) for key in self._rounds.due(now)]
        return [*_told(results), *self._asking.due(now), *reread]

    def flush(self, now: float) -> list[Effect]:
        """Everything that is to be sent."""
        effects: list[Effect] = []
        outgoing, self._outgoing, self._newest = self._outgoing, [], {}
        for changes in outgoing:
            effects += self._send_changes(changes, now)
        if self._to_all:
            effects.append(Send(None, self._to_all))
            self._to_all = []
        effects += [Send(member, items) for member, items in self._to.items()]
        self._to = {}
        return effects

    def _send_changes(self, changes: _Outgoing, now: float) -> list[Effect]:
        key, is_shared = changes.key, self._residents[changes.key.type].shared
        self._number += 1
        number = self._number if changes.waiters else 0
        delta = Delta(key, number, changes.after, encode(changes.delta))
        item: Item = delta
        if not fits(self._me, delta, self.largest):
            if not is_shared:
                failed = [Told(waiter.ticket, False) for waiter in changes.waiters]
                return [*failed, Warn(_too_large(key, self.largest))]
            item = Stale(key, number)
        elif not is_shared:
            item = self._with_unconfirmed(changes, delta)
        self._to_all.append(item)
        return _told(self._spreads.begin(number, item, changes.waiters, now)) if number else []

    def _with_unconfirmed(self, changes: _Outgoing, alone: Delta) -> Delta:
        """A change together with earlier ones that may have been lost: no journal has them for the others.

        What only takes back leaves no gap where it is lost, so it must not be told apart from what came after it.
        """
        key, change = changes.key, Change(changes.delta, changes.after)
        kept = self._unconfirmed.get(key)
        if kept is None or not kept.takes(change):
            self._unconfirmed[key] = _Outgoing(key, change)
            return alone
        kept.delta = merged(kept.delta, change.delta)
        everything = Delta(key, alone.number, kept.after, encode(kept.delta))
        if fits(self._me, everything, self.largest):
            return everything
        self._unconfirmed[key] = _Outgoing(key, change)
        return alone

    def _announce(self, now: float) -> None:
        for key in self._comparison.due(now, self._limits.announced):
            residents = self._residents[key.type]
            record = residents.durable(key.id)
            known = digest(record) if record is not None else self._comparison.digest(key)
            if known:
                self._to_all.append(Announced(key, known))
                self._comparison.announced(key, known, now)
            elif not residents.is_resident(key.id):  # it has left memory, which takes much longer than an announcement
                self._to_all.append(Stale(key, 0))
                self._comparison.forget(key)

    def _everything(self, shared: bool) -> Iterator[EntityKey]:
        """What is in memory, of types whose journal is shared, or is not."""
        for residents in self._residents.values():
            if residents.shared is shared:
                for entity_id in residents.ids():
                    yield EntityKey(residents.entity_type, entity_id)

    # --- From others --------------------------------------------------------------------------------------------------

    def received(self, frame: Frame) -> list[Effect]:
        """A message has come."""
        if frame.sender == self._me or not _IS_NAME.fullmatch(frame.sender):
            return []
        effects: list[Effect] = []
        for item in frame.items:
            try:
                effects += self._received(frame.sender, item)
            except EncodingInvalid as error:
                effects.append(Warn(f"`{frame.sender}` has sent a record that cannot be read: {error}"))
        return effects

    def looked(self, look: Look, record: Record) -> list[Effect]:
        """The journal has been read."""
        match look.why:
            case Asked(number, _):
                self._answer(look.member, number, record)
            case Announced(key, announced):
                return self._compared(look.member, key, announced, record)
            case Whole(key, _, theirs):
                if encode(record) != theirs:
                    self._send_whole(look.member, key, record, wants_answer=False)
        return []

    def _received(self, sender: str, item: Item) -> list[Effect]:
        match item:
            case Acked(number):
                return _told(self._spreads.acked(number, sender))
            case Answered(number, record):
                return [*self._asking.answered(number, sender, decode(record))]
            case Same(key, known):
                self._comparison.confirmed(key, known, sender)
                return []
            case Delta(key) | Stale(key) | Announced(key) | Whole(key) | Asked(_, key):
                residents = self._residents.get(key.type)
                return [] if residents is None else self._about(residents, sender, item)

    def _about(self, residents: Residents, sender: str, item: Any) -> list[Effect]:
        is_needed = residents.is_resident(item.key.id) or not residents.shared
        match item:
            case Delta(key, number, after, record) if is_needed:
                return [Hear(key, decode(record), Receipt(sender, number), after)]
            case Stale(key, number) if is_needed:
                return [Reread(key, Receipt(sender, number))] if residents.shared else []
            case Delta(number=number) | Stale(number=number):
                self.acknowledge(Receipt(sender, number))
            case Announced():
                return self._announced(residents, sender, item)
            case Whole():
                return self._whole(residents, sender, item)
            case Asked():
                return self._asked(residents, sender, item)
        return []

    def _announced(self, residents: Residents, sender: str, item: Announced) -> list[Effect]:
        key = item.key
        if not residents.is_resident(key.id):
            if not residents.shared:
                return [Look(key, sender, item)]
            self._reply(sender, Same(key, item.digest))
            return []
        record = residents.durable(key.id)
        if record is None:  # it is being read: the announcement comes again
            return []
        return self._compared(sender, key, item.digest, record)

    def _compared(self, sender: str, key: EntityKey, announced: bytes, record: Record) -> list[Effect]:
        if digest(record) == announced:
            self._reply(sender, Same(key, announced))
            return []
        return self._differs(sender, key, record)

    def _differs(self, member: str, key: EntityKey, record: Record) -> list[Effect]:
        """A member knows more of an entity, or less, or other things."""
        if not self._wholes_left:
            return []  # it shows again later
        self._wholes_left -= 1
        is_sent = self._send_whole(member, key, record, wants_answer=True)
        return [] if is_sent or not self._residents[key.type].shared else [Reread(key)]

    def _whole(self, residents: Residents, sender: str, item: Whole) -> list[Effect]:
        key = item.key
        if residents.shared and not residents.is_resident(key.id):
            if item.wants_answer:
                self._reply(sender, Stale(key, 0))
            return []
        hear = Hear(key, decode(item.record))
        record = residents.durable(key.id)
        if not item.wants_answer:
            return [hear]
        if record is None:
            return [hear] if residents.is_resident(key.id) else [hear, Look(key, sender, item)]
        if encode(record) != item.record:
            self._send_whole(sender, key, record, wants_answer=False)
        return [hear]

    def _asked(self, residents: Residents, sender: str, item: Asked) -> list[Effect]:
        record = residents.durable(item.key.id)
        if record is None:
            return [Look(item.key, sender, item)]
        self._answer(sender, item.number, record)
        return []

    def _answer(self, member: str, number: int, record: Record) -> None:
        answer = Answered(number, encode(record))
        if fits(self._me, answer, self.largest):
            self._reply(member, answer)

    def _send_whole(self, member: str, key: EntityKey, record: Record, *, wants_answer: bool) -> bool:
        """Send all that is known; False if it is too large: then the receiver is told to read the journal."""
        whole = Whole(key, wants_answer, encode(record))
        is_sent = fits(self._me, whole, self.largest)
        self._reply(member, whole if is_sent else Stale(key, 0))
        return is_sent

    def _reply(self, member: str, item: Item) -> None:
        self._to.setdefault(member, []).append(item)


def _told(results: list[Result]) -> list[Effect]:
    return [Told(ticket, reached) for ticket, reached in results]


def _too_large(key: EntityKey, largest: int) -> str:
    return (
        f"a change of `{key.type}` entity `{key.id}` is larger than a message ({largest} bytes): "
        "other members do not get it, because each has a journal of its own"
    )
