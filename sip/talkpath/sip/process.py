"""The SIP process: ``python -m talkpath.sip.process --fd N``, started by the supervisor.

Reads `SipSettings`, opens the listeners, and then does what the messages say until `Stop` comes or the
supervisor is gone. Signals are the supervisor's business: this process ignores SIGINT, SIGTERM and SIGHUP, so
that a terminal or a service manager that signals the whole group does not cut off the calls that it drains.
"""

from __future__ import annotations

import argparse
import logging
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

from talkpath.sip import messages
from talkpath.sip._pj import StackError
from talkpath.sip.counters import Counters
from talkpath.sip.endpoint import SipEndpoint
from talkpath.sip.json_log import configure
from talkpath.sip.link import Link
from talkpath.sip.stack_timers import StackTimers
from talkpath.sip.waiting import Waiter

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)

SETTINGS_SECONDS = 10.0
TICK_SECONDS = 0.25
STATISTICS_SECONDS = 1.0
ENDING_SECONDS = 3.0
"""Time that BYEs, refusals and unregistrations get to be answered at the end."""

TURNS_PER_LOOP = 32
"""Batches of events that the stack may handle before messages are read again."""

EXIT_LISTEN_FAILED = 3


class SipProcess:
    """The loop: wait, let the stack work, perform messages, keep time.

    Args:
        link: Channel to the supervisor.
        endpoint: A started endpoint.
        counters: Counters of the endpoint.
    """

    def __init__(self, link: Link, endpoint: SipEndpoint, counters: Counters) -> None:
        self._link = link
        self._endpoint = endpoint
        self._counters = counters
        self._waiter = Waiter(link, StackTimers().wait)
        self._stop_reason = ""
        self._next_tick = self._next_statistics = 0.0
        self._last_gauges: dict[str, int] = {}

    def run(self) -> None:
        """Work until told to stop, then end everything within `ENDING_SECONDS`."""
        while self._link.open and not self._stop_reason:
            self._once()
        reason = self._stop_reason or "the server is going down"
        _log.info("stopping: %s", reason)
        self._endpoint.end_all(reason)
        deadline = time.monotonic() + ENDING_SECONDS
        while not self._endpoint.quiet and time.monotonic() < deadline:
            self._once()
        self._report_statistics()

    def _once(self) -> None:
        self._waiter.wait()
        for message in self._link.receive() if self._link.open else ():
            self._perform(message)
        for _ in range(TURNS_PER_LOOP):
            if not self._endpoint.turn():
                break
        self._link.flush()
        self._keep_time(time.monotonic())

    def _perform(self, message: messages.AnyMessage) -> None:
        if isinstance(message, messages.Stop):
            self._stop_reason = message.reason or "the server is going down"
            return
        try:
            self._endpoint.perform(message)
        except Exception:  # noqa: BLE001  a task root: one bad message must not end all calls
            self._counters.add("message_error", type(message).__name__)
            _log.exception("error while performing %s", type(message).__name__)

    def _keep_time(self, now: float) -> None:
        if now >= self._next_tick:
            self._next_tick = now + TICK_SECONDS
            self._endpoint.tick(now)
        if now >= self._next_statistics:
            self._next_statistics = now + STATISTICS_SECONDS
            self._report_statistics()

    def _report_statistics(self) -> None:
        gauges = self._endpoint.gauges()
        counters = self._counters.take_changed()
        if counters is None and gauges == self._last_gauges:
            return
        self._last_gauges = gauges
        self._link.send(messages.SipStatistics(counters=counters or self._counters.all(), gauges=gauges))


def read_settings(link: Link) -> messages.SipSettings | None:
    """Wait for the settings; None when the supervisor goes away or sends something else first."""
    deadline = time.monotonic() + SETTINGS_SECONDS
    received: list[messages.AnyMessage] = []
    while link.open and not received:  # large settings come in parts
        readable, _, _ = select.select([link], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            return None
        received = link.receive(limit=1)
    return received[0] if received and isinstance(received[0], messages.SipSettings) else None


def serve(fd: int) -> int:
    """Run the SIP process on a channel. Returns the exit status."""
    counters = Counters()
    link = Link(fd, counters)
    settings = read_settings(link)
    if settings is None:
        _log.error("no SIP settings came from the supervisor")
        return 2
    try:
        endpoint = SipEndpoint(settings, counters, link.send)
    except ValueError as error:
        link.send(messages.ListenFailed(problem=str(error)))
        return EXIT_LISTEN_FAILED
    try:
        endpoint.start()
        link.send(messages.Ready(detail=endpoint.describe()))
        SipProcess(link, endpoint, counters).run()
    except StackError as error:
        _log.error("%s", error)
        link.send(messages.ListenFailed(problem=str(error)))
        return EXIT_LISTEN_FAILED
    finally:
        endpoint.close()
    return 0


def main(fd: int) -> int:
    """Entry point with the descriptor of the supervisor's channel. Returns the exit status."""
    configure()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return serve(fd)


def _arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m talkpath.sip.process", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the supervisor's channel")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(_arguments().fd))
