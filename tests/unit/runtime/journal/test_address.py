"""Addresses of journals."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal import AppendEvents, EntityKey, MemoryJournal, SqliteJournal, open_journal
from cloudstate.runtime.payload import Payload


def test_memory() -> None:
    assert isinstance(open_journal("memory:", SystemClock()), MemoryJournal)


def databases(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*.db")}


async def test_absolute_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in (
        f"sqlite:{tmp_path}/absolute.db",
        "sqlite:relative.db",
        "sqlite:./deep/er.db",
        f"sqlite://{tmp_path}/u.db",
    ):
        journal = open_journal(url, SystemClock())
        assert isinstance(journal, SqliteJournal)
        await journal.open()
        await journal.append(AppendEvents(EntityKey("cart", "alice"), 0, (Payload("t", b""),)))
        await journal.close()
    assert databases(tmp_path) == {"absolute.db", "relative.db", "er.db", "u.db"}


def test_making_a_journal_touches_nothing(tmp_path: Path) -> None:
    open_journal(f"sqlite:{tmp_path}/new/a.db", SystemClock())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    ["", "memory", "memory:x", "sqlite:", "sqlite", "sqlite::memory:", "sqlite://shop.db", "sqlite:a\0b",
     "mysql://localhost/shop", "SQLITE:a.db", "shop.db", ":"],
)  # fmt: skip
def test_no_address(url: str) -> None:
    with pytest.raises(ServiceInvalid) as raised:
        open_journal(url, SystemClock())
    assert "sqlite:PATH" in raised.value.help
    assert "\0" not in str(raised.value)
