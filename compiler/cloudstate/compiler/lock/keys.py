"""Keys: whether a command still finds the entity that it found before. An entity's id is the text of its key fields."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Code, codes
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.declaration import key_text
from cloudstate.compiler.lock.recorded import Entity, Key, Stored
from cloudstate.compiler.lock.scalars import keeps_numbers, keeps_text, keeps_values

_HELP = "put the key back; a new key is for a new entity with a type of its own"


def compare_keys(old: Entity, new: Entity, stored: Stored) -> Iterator[Change]:
    """What has changed about the keys of an entity; ``stored`` has the recorded enums."""
    for command, keys in new.keys.items():
        recorded = old.keys.get(command)
        if recorded is not None:
            code = _difference(recorded, keys, stored)
            if code is not None:
                yield _change(code, new, command, recorded, keys)
        elif old.keys and not any(_spells(known, keys, stored) for known in old.keys.values()):
            yield _change(codes.KEY_CHANGED, new, command, next(iter(old.keys.values())), keys)


def _difference(old: tuple[Key, ...], new: tuple[Key, ...], stored: Stored) -> Code | None:
    if len(old) != len(new):
        return codes.KEY_CHANGED
    # A field under another number is another field to clients: their commands would find the entity "".
    if [key.number for key in old] != [key.number for key in new]:
        return codes.KEY_CHANGED
    return None if _spells(old, new, stored) else codes.KEY_TYPE_CHANGED


def _spells(old: tuple[Key, ...], new: tuple[Key, ...], stored: Stored) -> bool:
    """Whatever id the old keys could make, the new ones make from the same values."""
    return len(old) == len(new) and all(_keeps_id(*pair, stored) for pair in zip(old, new, strict=True))


def _keeps_id(old: Key, new: Key, stored: Stored) -> bool:
    if old.type == new.type:
        return True
    if old.type in stored.enums:
        return keeps_numbers((number for number, _ in stored.enums[old.type].values), new.type)
    return keeps_values(old.type, new.type) and keeps_text(old.type, new.type)


def _change(code: Code, entity: Entity, command: str, old: tuple[Key, ...], new: tuple[Key, ...]) -> Change:
    subject = f"{entity.service}.{command}"
    return Change(
        code=code,
        subject=subject,
        place=Place(PlaceKind.RPC, subject),
        verdict=Verdict.DATA_LOSS,
        was=(_listed(old),),
        now=_listed(new),
        why="an entity's id is the text of its key: commands would find other entities than before",
        help=_HELP,
    )


def _listed(keys: tuple[Key, ...]) -> str:
    return ", ".join(map(key_text, keys)) or "no key"
