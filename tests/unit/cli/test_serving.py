"""Arguments of commands that serve: what cannot be meant is refused before anything listens."""

from __future__ import annotations

import argparse

import pytest

from cloudstate.cli.serving import add_front_door, add_log


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_front_door(parser)
    add_log(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("origin", ["*", "null", "https://shop.example", "http://localhost:3000", "app://shop"])
def test_origins(origin: str) -> None:
    assert parsed("--cors-origin", origin).cors_origin == [origin]


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/", "https://a/b", "https://", "", "a b://c"])
def test_what_no_browser_sends_is_refused(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--cors-origin", origin)
    assert f"`{origin}` is not an origin: write https://HOST" in capsys.readouterr().err


def test_levels_may_be_written_small() -> None:
    assert parsed("--log-level", "debug").log_level == "DEBUG"
