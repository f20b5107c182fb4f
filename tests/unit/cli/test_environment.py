"""What the serving commands take from the environment where the command line does not say it."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

import pytest

from cloudstate.cli import function, main, proxy, run
from cloudstate.runtime import app

CART = str(Path(__file__).parents[3] / "specs" / "shopping-cart")


def parsed(command: ModuleType, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    command.configure(parser)
    return parser.parse_args(words)


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HOST",
        "HTTP_PORT",
        "PORT",
        "METRICS_PORT",
        "CLOUDSTATE_JOURNAL",
        "USER_FUNCTION_HOST",
        "USER_FUNCTION_PORT",
    ):
        monkeypatch.delenv(name, raising=False)


def test_without_an_environment() -> None:
    arguments = parsed(run, CART)
    assert (arguments.host, arguments.port, arguments.journal) == ("127.0.0.1", 9000, None)
    arguments = parsed(proxy)
    assert (arguments.user_function, arguments.port, arguments.journal) == ("127.0.0.1:8080", 9000, "memory:")
    assert parsed(function, CART).port == 8080


@pytest.mark.parametrize("command", [run, proxy])
def test_host_port_and_journal(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("HTTP_PORT", "9001")
    monkeypatch.setenv("CLOUDSTATE_JOURNAL", "sqlite:/data/shop.db")
    words = [CART] if command is run else []
    arguments = parsed(command, *words)
    assert (arguments.host, arguments.port, arguments.journal) == ("0.0.0.0", 9001, "sqlite:/data/shop.db")
    said = parsed(command, *words, "--host", "::1", "--port", "0", "--journal", "memory:")
    assert (said.host, said.port, said.journal) == ("::1", 0, "memory:")


def test_where_the_function_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_FUNCTION_HOST", "function")
    monkeypatch.setenv("USER_FUNCTION_PORT", "1234")
    assert parsed(proxy).user_function == "function:1234"
    monkeypatch.setenv("PORT", "1234")
    assert parsed(function, CART).port == 1234


def test_the_journal_of_the_environment_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str | None] = []
    monkeypatch.setattr(app, "run", lambda settings, ready: opened.append(settings.journal))
    monkeypatch.setattr(app, "configure_logs", lambda level, form: None)
    monkeypatch.setenv("CLOUDSTATE_JOURNAL", "sqlite:/data/shop.db")
    assert main(["run", CART]) == 0
    assert main(["run", CART, "--journal", "memory:"]) == 0
    assert opened == ["sqlite:/data/shop.db", "memory:"]


@pytest.mark.parametrize("value", ["http", "65536", "-1", "9000 ", ""])
@pytest.mark.parametrize(
    ("words", "name"), [(["run", CART], "HTTP_PORT"), (["proxy"], "HTTP_PORT"), (["function", CART], "PORT")]
)
def test_a_port_that_is_none_is_wrong_usage(
    words: list[str], name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert f"argument --port: `{value}` is not a port, a number from 0 to 65535" in capsys.readouterr().err
