"""Log lines of the SIP process: one JSON object each on standard error."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(enc_hook=str).encode


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, event, process, logger, call, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        line: dict[str, Any] = {
            "timestamp": f"{dt.datetime.fromtimestamp(record.created, dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "process": "sip",
            "logger": record.name,
        }
        if hasattr(record, "call"):
            line["call"] = record.call
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode({key: _printable(value) for key, value in line.items()}).decode()


def _printable(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()


def configure() -> None:
    """Write log lines to standard error, unless somebody has configured logging already."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
