"""Log lines of the SIP stack, passed on to Python's logging."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import pj

if TYPE_CHECKING:
    from talkpath.sip.counters import Counters

_log = logging.getLogger("talkpath.sip.stack")

LEVEL = 2
"""Errors and warnings. Higher levels would print messages, with their credentials."""

LINES_PER_SECOND = 5
"""Hostile traffic makes the stack complain about each packet; more lines than this are only counted."""

MAX_LINE = 300

_MALFORMED = ("Error processing", "Dropping ")
"""How the stack begins a line about a datagram that it could not read."""

_SECRETS = ("authorization", "password", "credential")


class StackLog(pj.LogWriter):  # type: ignore[misc]  # pjsua2 ships no types
    """Writes the stack's lines into the logger ``talkpath.sip.stack``, a bounded number each second."""

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters
        self._second = 0
        self._lines = 0

    def attach(self, config: Any) -> None:
        """Make the stack write here; the stack deletes the writer when it is destroyed."""
        config.level = LEVEL
        config.consoleLevel = LEVEL  # the stack gives its writer what it would give the console
        config.msgLogging = 0
        config.decor = 0
        config.writer = self
        self.__disown__()

    def write(self, entry: Any) -> None:
        """One line. Must not raise: above us is C++."""
        # After the first line there may be a whole packet: a stranger's words, or a friend's number.
        line = str(entry.msg).strip().partition("\n")[0][:MAX_LINE]
        if line.startswith(_MALFORMED):
            self._counters.add("malformed_datagram")
        if self._too_many() or any(word in line.lower() for word in _SECRETS):
            self._counters.add("stack_log_suppressed")
            return
        _log.log(logging.ERROR if entry.level <= 1 else logging.WARNING, "%s", line)

    def _too_many(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines > LINES_PER_SECOND
