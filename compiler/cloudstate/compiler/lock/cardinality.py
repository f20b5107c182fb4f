"""How many values a field holds, and what one label reads of what another has written."""

from __future__ import annotations

from cloudstate.compiler.lock.recorded import Field, Label


def keeps_all(old: Field, new: Field, *, old_is_message: bool, new_is_message: bool) -> bool:
    """Every number of values that ``old`` could hold is read as the same number of values as ``new``.

    * A map is read as the repeated entries that it is on the wire; entries may be more than a map can keep.
    * One value is read as a list of one. A plain number that is 0 was not written, and would make the list empty; text
      and bytes that are empty are nothing either way.
    """
    match old.label, new.label:
        case (Label.MAP | Label.REPEATED as before, after) if before is after:
            return True
        case Label.MAP, Label.REPEATED:
            return new_is_message
        case (Label.MAP | Label.REPEATED, _) | (_, Label.MAP):
            return False
        case Label.IMPLICIT, Label.REPEATED:
            return old_is_message or bool(old.oneof) or old.type in ("string", "bytes")
    return True
