"""One log line about each stranger that a firewall could keep out, for programs like fail2ban. Pure.

The line holds nothing that a stranger wrote: the address is the socket's, the cause is one of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.sip.addresses import split_host_port
from talkpath.sip.admission import RateLimiter

if TYPE_CHECKING:
    from talkpath.sip.admission import Verdict

CAUSES = frozenset({"scanner", "unknown_source", "wrong_password", "malformed"})
"""Refusals that no friend meets more than once or twice."""

LINES_PER_SECOND_PER_SOURCE = 1.0
LINES_PER_SECOND = 20.0
"""A flood must not fill the disk; what is not written is counted all the same."""


class UnwelcomeLog:
    """Decides which refusals are worth a line."""

    def __init__(self) -> None:
        self._each = RateLimiter(LINES_PER_SECOND_PER_SOURCE)
        self._all = RateLimiter(LINES_PER_SECOND)

    def line(self, source: str, verdict: Verdict, now: float) -> str:
        """The line about a request; empty when there is none to write.

        Args:
            source: ``host:port`` that it came from.
            verdict: What was decided.
            now: Monotonic seconds.
        """
        if verdict.counter not in CAUSES:
            return ""
        host = split_host_port(source)[0].partition("%")[0].removeprefix("::ffff:")
        if not self._each.allow(host, now) or not self._all.allow("", now):
            return ""
        return f"unwelcome request from {host}: {verdict.counter}"
