"""Log lines show what code says about an event besides its text."""

from __future__ import annotations

import json
import logging
import sys

from cloudstate.runtime.app.logs import JsonLines, TextLines


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("cloudstate.x", logging.WARNING, __file__, 1, "closed: %s", ("silence",), None)
    vars(made).update(extra)
    return made


def test_text_shows_the_fields() -> None:
    line = TextLines().format(record(peer="127.0.0.1:1", path="/a"))
    assert line.endswith("WARNING cloudstate.x: closed: silence (peer=127.0.0.1:1 path=/a)")


def test_text_without_fields() -> None:
    assert TextLines().format(record()).endswith("WARNING cloudstate.x: closed: silence")


def test_text_does_not_repeat_the_message() -> None:
    assert TextLines().format(record(reason="silence")).endswith("closed: silence")


def test_text_is_one_line() -> None:
    assert "\n" not in TextLines().format(record(path="/a\nWARNING forged"))


def test_json_is_one_object_on_one_line() -> None:
    line = JsonLines().format(record(peer="127.0.0.1:1", value=b"\xff"))
    shown = json.loads(line)
    assert shown.pop("time").endswith("Z")
    assert shown == {
        "level": "WARNING",
        "logger": "cloudstate.x",
        "message": "closed: silence",
        "peer": "127.0.0.1:1",
        "value": "b'\\xff'",
    }
    assert "\n" not in line


def test_json_holds_the_traceback() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        made = record()
        made.exc_info = sys.exc_info()
    line = JsonLines().format(made)
    assert "ValueError: broken" in json.loads(line)["exception"]
    assert "\n" not in line
