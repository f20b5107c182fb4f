"""How large one append may be: the same measure for every journal."""

from __future__ import annotations

from cloudstate.runtime.journal.errors import AppendTooLarge
from cloudstate.runtime.journal.port import AppendEvents, WriteValue

#: The largest append that a journal takes unless told otherwise: above the largest message the transport takes.
DEFAULT_MAX_APPEND = 16 * 1024 * 1024

#: How many answers of an entity a journal keeps at least, unless they are older than RETENTION.
MAX_WINDOW = 1000

#: Seconds for which a journal keeps answers at least.
RETENTION = 7 * 86_400.0


def checked_size(append: AppendEvents | WriteValue, limit: int) -> int:
    """The size in bytes of what an append writes, whatever else a store adds to it.

    Raises:
        AppendTooLarge: it is above the limit.
        ValueError: there is neither an event nor an answer, or the entity id is not valid Unicode; a mistake of the
            caller.
    """
    entity, answer = append.entity, append.answer
    size = len(entity.id.encode())
    if answer is not None:
        size += len(answer.command_id) + len(answer.reply)
    if isinstance(append, WriteValue):
        if append.value is not None:
            size += len(append.value.type_url) + len(append.value.value)
    else:
        if not append.events and (answer is None or append.snapshot is not None):
            raise ValueError("an append needs at least one event")
        for payload in append.events:
            size += len(payload.type_url) + len(payload.value)
        if append.snapshot is not None:
            size += len(append.snapshot.type_url) + len(append.snapshot.value)
    if size > limit:
        raise AppendTooLarge(entity_type=entity.type, entity_id=entity.id, size=size, limit=limit)
    return size
