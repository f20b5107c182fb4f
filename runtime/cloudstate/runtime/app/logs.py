"""What the process says about itself: one line for each event, for people or for a log store.

Code of the runtime logs with ``extra={"peer": ..., "path": ...}``; both forms show these fields.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Literal

LogForm = Literal["text", "json"]

#: What every record has; everything else came from ``extra``.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(level: str, form: LogForm) -> None:
    """Send the log of the whole process to standard error.

    Args:
        level: the least level that is shown, e.g. ``INFO``.
        form: ``text``, one readable line for each event, or ``json``, one object for each.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class TextLines(logging.Formatter):
    """``2026-01-31 12:00:00,123 WARNING logger: message (peer=127.0.0.1:4711)``.

    Fields that the message shows already are left out.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # the name is logging's
        line = super().formatMessage(record)
        news = [f"{name}={value}" for name, value in _fields(record).items() if str(value) not in record.message]
        if news:
            line = f"{line} ({' '.join(news)})"
        return line.replace("\r", "\\r").replace("\n", "\\n")  # what clients send must not look like another event


class JsonLines(logging.Formatter):
    """Objects with ``time`` (UTC), ``level``, ``logger``, ``message``, the fields, and perhaps ``exception``."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
