"""The answers of one entity that are kept for retries: the newest so many."""

from __future__ import annotations

from collections.abc import Iterable

from cloudstate.runtime.entity.messages import Action, Command, Failure, Kept
from cloudstate.runtime.entity.recorded import decode, encode, is_final
from cloudstate.runtime.errors import StatusCode


class Window:
    """Kept answers by command id.

    Args:
        limit: how many; 0: none.
    """

    __slots__ = ("_kept", "_last", "_limit", "_pending")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[str, Kept] | None = None  # most entities never see a command with an id
        self._last = 0
        self._pending: Kept | None = None

    def fill(self, kept: Iterable[Kept]) -> None:
        """Start anew from what the journal has, oldest first."""
        self._pending = None
        known = {answer.command_id: answer for answer in kept}
        self._kept = known or None
        self._last = max((answer.number for answer in known.values()), default=0)

    def answer_to(self, command: Command) -> Action | None:
        """The kept answer to a command, or None if it is new."""
        if not command.id or self._kept is None:
            return None
        known = self._kept.get(command.id)
        if known is None:
            return None
        try:
            return decode(command, known.reply)
        except ValueError:
            text = f"the answer that is kept for command id `{command.id}` cannot be read: another version wrote it"
            return Failure(text, StatusCode.INTERNAL)

    def record(self, command: Command, action: Action | None) -> Kept | None:
        """What to write with the command's change; None if nothing is kept. Follow with ``keep`` or ``drop``."""
        if self._limit and is_final(action):
            self._pending = Kept(self._last + 1, command.id, encode(command, action))
        return self._pending

    def keep(self) -> None:
        """What ``record`` gave is durable."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if self._kept is None:
            self._kept = {}
        self._kept[pending.command_id] = pending
        self._last = pending.number
        if len(self._kept) > self._limit:
            del self._kept[next(iter(self._kept))]

    def drop(self) -> None:
        """What ``record`` gave was not written, or it is not known whether it was."""
        self._pending = None
