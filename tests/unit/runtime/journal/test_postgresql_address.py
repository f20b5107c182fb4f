"""Addresses of PostgreSQL journals: what is ours in them, and that no password is ever told."""

from __future__ import annotations

import pytest

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal import open_journal
from cloudstate.runtime.journal.postgresql import parse


def test_what_is_ours_is_taken_out_and_the_rest_passed_on() -> None:
    found = parse("postgresql://u:p%2Fw@h:1/db?sslmode=verify-full&schema=shop&table_prefix=cart_&sslrootcert=/a/b")
    assert (found.schema, found.prefix) == ("shop", "cart_")
    assert found.dsn == "postgresql://u:p%2Fw@h:1/db?sslmode=verify-full&sslrootcert=%2Fa%2Fb"
    assert found.where == "postgresql://h:1/db"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///db?host=/run/postgresql",
        "postgresql://h/db",
        "postgresql://a:1,b:2/db?target_session_attrs=read-write",
        "postgresql://u@[::1]:5432/db",
        "postgresql://%2Frun%2Fpostgresql/db?user=u@tenant&password=s@cret",
    ],
)
def test_all_forms_are_taken(url: str) -> None:
    assert "cret" not in parse(url).where


@pytest.mark.parametrize("between", ["/", "?", "#", "[", "@/", "/@", "#@"])
def test_a_password_that_is_not_written_as_it_should_is_not_told(between: str) -> None:
    with pytest.raises(ServiceInvalid) as raised:
        open_journal(f"postgresql://u:hun{between}ter2@h/db", SystemClock())
    assert "hun" not in f"{raised.value}{raised.value.help}"
    assert "ter2" not in f"{raised.value}{raised.value.help}"
    assert "%2F" in raised.value.help


def test_the_password_in_an_address_of_another_kind_is_not_told() -> None:
    with pytest.raises(ServiceInvalid) as raised:
        open_journal("postgresql+asyncpg://u:hunter2@h/db", SystemClock())
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("setting", ["schema=", "schema=A", 'schema=a"b', "table_prefix=1a", "table_prefix=a-b"])
def test_what_is_no_name_is_refused(setting: str) -> None:
    with pytest.raises(ServiceInvalid, match="is not a name"):
        parse(f"postgresql://h/db?{setting}")
