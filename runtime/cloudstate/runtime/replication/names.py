"""The name under which a member makes changes: a short one that is used again when the member is gone.

Every name under which an entity was ever changed stays in its record, so there should be no more of them than there
are members at a time. The engine's table has a record for each, with the member that has it. Nothing depends on that
alone: two members that have one name for a while get in each other's way (``CrdtSession``), and lose nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import count

from cloudstate.runtime.cluster.engine import Engine, EngineUnavailable, Entry, Overtaken

logger = logging.getLogger(__name__)

_PREFIX = "crdt."
#: Giving a name back must not hold up the end of a process for longer, in seconds.
_PATIENCE = 1.0


class Names:
    """See the module.

    Args:
        me: this member.
        members: who is there now.

    Attributes:
        mine: the name; the member's own while it has no other, which nobody else ever has.
    """

    def __init__(self, engine: Engine, me: str, members: Callable[[], frozenset[str]]) -> None:
        self.mine = me
        self._me = me
        self._engine = engine
        self._members = members
        self._entries: dict[str, Entry] = {}
        self._taking: asyncio.Task[None] | None = None
        self._is_open = False

    async def open(self) -> None:
        """Take a name.

        Raises:
            EngineUnavailable: the table cannot be read now.
        """
        self._is_open = True
        await self._engine.watch(self._changed)
        await self._take()

    async def close(self) -> None:
        """Give the name back."""
        self._is_open = False
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait({self._taking})
        entry = self._entries.get(_PREFIX + self.mine)
        if entry is None or not self._is_held(entry):
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._engine.delete(entry.key, entry.revision)
        except (EngineUnavailable, Overtaken, TimeoutError):
            logger.debug("the name `%s` is free when this member's record is old", self.mine)

    async def _take(self) -> None:
        for number in count(1):
            name = f"n{number}"
            entry = self._entries.get(_PREFIX + name)
            if entry is not None and entry.value and entry.value.decode(errors="replace") in self._members():
                continue
            try:
                await self._write(name, entry.revision if entry is not None and entry.value else 0)
            except Overtaken:
                continue
            except EngineUnavailable as error:
                logger.info("this member makes changes of CRDT entities under its own name: %s", error)
                self.mine = self._me
            return

    async def _write(self, name: str, revision: int) -> None:
        key, value = _PREFIX + name, self._me.encode()
        self._entries[key] = Entry(key, value, await self._engine.put(key, value, revision))
        self.mine = name

    def _is_held(self, entry: Entry) -> bool:
        return entry.value == self._me.encode()

    def _changed(self, entry: Entry) -> None:
        if not entry.key.startswith(_PREFIX):
            return
        known = self._entries.get(entry.key)
        if known is not None and known.revision > entry.revision and entry.value:
            return
        self._entries[entry.key] = entry
        is_lost = entry.key == _PREFIX + self.mine and not self._is_held(entry)
        if is_lost and self._is_open and (self._taking is None or self._taking.done()):
            logger.info("another member has the name `%s`: this one takes another", self.mine)
            self.mine = self._me
            self._taking = asyncio.get_running_loop().create_task(self._take())
