"""Logs: one event per line, bound to a call, without secrets, without private words unless asked for.

An event has a constant name (``call_ended``) and facts as keys. Whatever belongs to a person's privacy
(numbers, names, words) stands under a key that begins with ``pii_`` and is masked unless
``log.private = true``. Keys that look like secrets are redacted whatever the settings say.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from structlog.typing import EventDict, Processor, WrappedLogger

    from talkpath.bridge.config.model import LogConfig

PRIVATE_PREFIX = "pii_"
REDACTED = "***"

# "tokens_audio_in" is a count and "secret_source" a place; "token" and "api_key" are what must not be seen.
_SECRET_KEY = re.compile(
    r"(?i)(?:^|[_\-.])(?:password|passwd|secret|token|api[_\-]?key|authorization|credentials?|cookie)$"
)
_SECRET_VALUE = re.compile(
    r"(?i)\b(?:bearer|basic|digest)\s+[^\s'\"]{8,}|\bsk-[A-Za-z0-9_\-]{8,}|\bek_\w{8,}"
)
_DEPTH = 6
"""Levels of nested values that are looked into; deeper ones are not logged."""

_NOISY = dict.fromkeys(("websockets", "asyncio", "alembic"), logging.WARNING)
"""Libraries whose information is our debugging."""
_NOISIER = dict.fromkeys(("aiortc", "aioice", "httpx2", "httpcore2"), logging.WARNING)
"""Libraries that write a line for each packet or request, with addresses of people, or tokens in URLs."""
_FLOODED = {"uvicorn.error": logging.ERROR}
"""Libraries whose warnings strangers cause at will; they are counted (``talkpath_http_refused_total``)."""


def set_up_logs(settings: LogConfig, *, process: str = "", stream: TextIO | None = None) -> None:
    """Send our events and those of libraries to ``stream`` in one format.

    Args:
        settings: the ``[log]`` section.
        process: name of this process (``sip``, ``worker-0``), on every line when not empty.
        stream: where to; standard error when None.
    """
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared = _shared_processors(settings, process)
    renderer = _renderers(settings, out)
    structlog.configure(
        processors=[_Level(level), *shared, *renderer],
        # Everything gets as far as the processors, because calls that are debugged may say all.
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(level, shared, renderer, out)


DEBUGGED: set[str] = set()
"""Calls of this process of which everything is logged, whatever the level."""


class _Level:
    """Drops what is below the level, except about calls that are debugged."""

    def __init__(self, level: int) -> None:
        names = logging.getLevelNamesMapping()
        self._dropped = {name.lower() for name, number in names.items() if number < level}

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if method in self._dropped and event.get("call") not in DEBUGGED:
            raise structlog.DropEvent
        return event


def _shared_processors(settings: LogConfig, process: str) -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _ProcessName(process),
        structlog.processors.format_exc_info,
        redact,
        keep_private if settings.private else mask_private,
    ]


def _renderers(settings: LogConfig, out: TextIO) -> list[Processor]:
    console = settings.format == "console" or (settings.format == "auto" and out.isatty())
    if console:
        renderer = structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        return [_drop_empty, _event_in_one_line, renderer, _visible]
    return [_order_keys, structlog.processors.JSONRenderer(ensure_ascii=False, default=str), _visible]


def _route_standard_logging(
    level: int, shared: list[Processor], renderer: list[Processor], out: TextIO
) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(level, least) if level > logging.DEBUG else level)
    for name, least in (_NOISIER | _FLOODED).items():
        logging.getLogger(name).setLevel(max(level, least))


class _ProcessName:
    """Adds the name of the process, so that lines of five processes can be told apart."""

    def __init__(self, process: str) -> None:
        self.process = process

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if self.process:
            event.setdefault("process", self.process)
        return event


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what looks like a secret, by its key or by its own look, at any depth."""
    return {key: REDACTED if _is_secret_key(key) else _clean(value, _DEPTH) for key, value in event.items()}


def _is_secret_key(key: object) -> bool:
    return isinstance(key, str) and _SECRET_KEY.search(key) is not None


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _SECRET_VALUE.sub(REDACTED, value)
    if isinstance(value, dict | list | tuple) and depth == 0:
        return "…"
    if isinstance(value, dict):
        return {
            key: REDACTED if _is_secret_key(key) else _clean(inner, depth - 1) for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(inner, depth - 1) for inner in value]
    return value


def mask_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every value whose key begins with ``pii_``."""
    return {
        key: mask(value) if str(key).startswith(PRIVATE_PREFIX) else value for key, value in event.items()
    }


def keep_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave private values as they are: the operator asked for them."""
    return event


_NUMBER = re.compile(r"^(?:sips?:)?(\+?[\d*#]{6,})(?:@.*)?$")


def mask(value: object) -> str:
    """Leave of a telephone number its last two digits, which is enough to recognise it, and else nothing."""
    match = _NUMBER.match(value) if isinstance(value, str) else None
    return f"…{match[1][-2:]}" if match else "…" if value else ""


def _order_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Time, level and event first: lines are read by people too."""
    first: Iterable[str] = ("timestamp", "level", "event", "process", "call", "sip_call_id")
    head = {key: event.pop(key) for key in first if key in event}
    return {**head, **event}


_INVISIBLE = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What callers could command a terminal with, or turn a line around, and what JSON leaves as it is."""


def _visible(_logger: WrappedLogger, _method: str, line: Any) -> str:
    """Escape what would not be seen in a line, but act on it."""
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _event_in_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """On a terminal values are escaped, but not what a library says, with words from the network in it."""
    text = str(event.get("event", ""))
    return event if text.isprintable() else {**event, "event": repr(text)[1:-1]}


def _drop_empty(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """On a terminal, what is empty only pushes aside what is not."""
    return {key: value for key, value in event.items() if value is not None and value != ""}
