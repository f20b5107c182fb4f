"""The id that a caller gives a command, so that a retry of it is known as one."""

from __future__ import annotations

from cloudstate.runtime.payload import Metadata

#: The metadata that carries it, the first that is there: the HTTP header of that name, and the id of a CloudEvent.
NAMES = ("idempotency-key", "ce-id")
#: Where a CloudEvent comes from: its id is its own only together with this.
SOURCE = "ce-source"
#: The longest id, in characters.
LONGEST = 256


def command_id(metadata: Metadata) -> str:
    """The command's id; empty if it has none.

    Raises:
        ValueError: it is too long.
    """
    key, event, source = "", "", ""
    for name, value in metadata:
        if name == NAMES[0] and isinstance(value, str):
            key = value
        elif name == NAMES[1] and isinstance(value, str):
            event = value
        elif name == SOURCE and isinstance(value, str):
            source = value
    found = key or (f"{source}#{event}" if event and source else event)
    if len(found) > LONGEST:
        raise ValueError(f"the command's id has {len(found)} characters, at most {LONGEST} are taken")
    return found
