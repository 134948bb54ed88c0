"""The phone process: ``python -m talkpath.bridge.phone.process --fd N``, started when the phone is enabled.

A process of its own, because Opus, DTLS and ICE cost many times what a lane costs, and because they read what
browsers send: neither the pace of the calls nor the keys of the models are within reach.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final, Literal, cast

import structlog

from talkpath.bridge.channel import Channel
from talkpath.bridge.config.model import LogConfig
from talkpath.bridge.observe.logs import set_up_logs
from talkpath.bridge.phone.call import BrowserCall
from talkpath.bridge.phone.dialog import State
from talkpath.bridge.phone.ice import name_only
from talkpath.sip import messages as m
from talkpath.sip.outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.get_logger(__name__)

LAST_WORDS: Final = 3.0
"""Seconds that peer connections get to say goodbye at the end."""


class PhoneProcess:
    """The calls of browsers, and the channel to the supervisor.

    Args:
        sock: The channel.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._channel = Channel(sock, self._message, self._supervisor_lost)
        self._max_calls = 0
        self._calls: dict[str, BrowserCall] = {}
        self._done = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    async def run(self) -> int:
        """Serve until the supervisor says stop or is gone. Returns the exit code."""
        await self._done.wait()
        for call in list(self._calls.values()):
            call.stop()
        try:
            await asyncio.wait_for(self._empty.wait(), LAST_WORDS)
        except TimeoutError:
            log.error("calls_abandoned", calls=len(self._calls))  # noqa: TRY400 - no traceback says more
        await self._channel.emptied(LAST_WORDS)
        self._channel.close()
        return 0

    # CallOwner ------------------------------------------------------------------------------------

    def send(self, message: m.Message) -> None:
        """Send a message to the supervisor."""
        self._channel.send(message)

    def call_over(self, call: str) -> None:
        """A call has given everything back."""
        self._calls.pop(call, None)
        if not self._calls:
            self._empty.set()

    # From the supervisor --------------------------------------------------------------------------

    def _message(self, message: m.AnyMessage) -> None:
        match message:
            case m.PhoneSettings():
                self._set_up(message)
            case m.PhoneOffer():
                self._offer(message)
            case m.PeerLost():
                for call in message.calls:
                    self._pass_on(call, message)
            case m.Stop():
                self._done.set()
            case _:
                self._pass_on(getattr(message, "call", ""), message)

    def _set_up(self, settings: m.PhoneSettings) -> None:
        logs = LogConfig(
            format=cast("Literal['auto', 'console', 'json']", settings.log_format),
            level=cast("Literal['debug', 'info', 'warning', 'error']", settings.log_level),
            private=settings.log_private,
        )
        set_up_logs(logs, process="phone")
        name_only(settings.addresses)
        self._max_calls = settings.max_calls
        self.send(m.Ready(detail=f"{settings.max_calls} calls of browsers"))

    def _offer(self, offer: m.PhoneOffer) -> None:
        live = sum(call.state is not State.OVER for call in self._calls.values())
        if live >= self._max_calls or offer.call in self._calls:
            reason = f"The test phone is busy: [phone] max_calls allows {self._max_calls} at once."
            ended = m.CallEnded(
                call=offer.call, by="failure", status=486, reason=reason, outcome=outcome_of(486)
            )
            self.send(ended)
            return
        self._calls[offer.call] = BrowserCall(offer, self)
        self._empty.clear()

    def _pass_on(self, call: str, message: m.AnyMessage) -> None:
        one = self._calls.get(call)
        if one is None:
            return
        try:
            one.message(message)
        except Exception:  # a task root: one call must not end the others
            log.exception("message_failed", call=call, message=type(message).__name__)
            one.stop()

    def _supervisor_lost(self, reason: str) -> None:
        log.error("supervisor_lost", reason=reason)
        self._done.set()


async def serve(sock: socket.socket) -> int:
    """Run the phone process at the other end of ``sock``. Returns the exit code."""
    return await PhoneProcess(sock).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the phone process on an inherited channel."""
    parser = argparse.ArgumentParser(description="The test phone; started by the supervisor.")
    parser.add_argument("--fd", type=int, required=True, help="inherited SOCK_SEQPACKET socket")
    options = parser.parse_args(arguments)
    # The terminal sends its signals to every process; the supervisor decides what they mean.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sock = socket.socket(fileno=options.fd)
    sock.setblocking(False)
    return asyncio.run(serve(sock))


if __name__ == "__main__":
    sys.exit(main())
