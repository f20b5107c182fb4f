"""The id that a caller gives a command, so that a retry of it is known as one."""

from __future__ import annotations

from cloudstate.runtime.payload import Metadata

#: The metadata that carries it, the first that is there: the HTTP header of that name, and the id of a CloudEvent.
NAMES = ("idempotency-key", "ce-id")
#: The longest id, in characters.
LONGEST = 256


def command_id(metadata: Metadata) -> str:
    """The command's id; empty if it has none.

    Raises:
        ValueError: it is too long.
    """
    found = ""
    for name, value in metadata:
        if isinstance(value, str) and (name == NAMES[0] or (name == NAMES[1] and not found)):
            found = value
    if len(found) > LONGEST:
        raise ValueError(f"the command's id has {len(found)} characters, at most {LONGEST} are taken")
    return found
