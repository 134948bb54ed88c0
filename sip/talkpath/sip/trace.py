"""The SIP messages of single calls, for people who look for a fault: into the log, and to a Homer server.

What the stack tells of each transaction is what is seen: requests and their responses, in both directions.
Retransmissions, the ACK, and what is refused before it is a call are not. Credentials, SRTP keys and pressed
keys are stars before anything leaves this module.
"""

from __future__ import annotations

import fnmatch
import logging
import re
import socket
import time
from typing import TYPE_CHECKING, Any, Literal

from talkpath.sip.addresses import split_host_port, user_part
from talkpath.sip.hep import Packet, encode
from talkpath.sip.sdes import without_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from talkpath.sip.counters import Counters
    from talkpath.sip.settings import TraceSettings

_log = logging.getLogger(__name__)

_CREDENTIALS = re.compile(r"(?im)^((?:proxy-)?authorization)\s*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
_PRESSED = re.compile(r"(?im)^(signal\s*=\s*)\S+")
_BARE_DIGIT = re.compile(r"(?is)(content-type\s*:\s*application/dtmf\s*\r?\n.*?\r?\n\r?\n)\s*[0-9*#a-d]+")
_CALL_ID = re.compile(r"(?im)^(?:call-id|i)\s*:\s*(\S+)")

Direction = Literal["received", "sent"]


def redacted(text: str) -> str:
    """A SIP message without what must not be seen: credentials, SRTP keys, pressed keys."""
    text = _CREDENTIALS.sub(r"\1: ***", text)
    return _BARE_DIGIT.sub(r"\1*", _PRESSED.sub(r"\1*", without_keys(text)))


def is_traced(patterns: Iterable[str], *numbers: str) -> bool:
    """Whether one of these numbers or addresses fits a pattern, in which ``*`` and ``?`` stand for others."""
    users = [user_part(number) or number for number in numbers if number]
    return any(fnmatch.fnmatchcase(user, pattern) for user in users for pattern in patterns)


class Tracer:
    """Writes messages of watched calls into the log, and those of all calls to Homer, if there is one.

    Args:
        settings: Who is watched, and where Homer is.
        counters: Where what cannot be sent is counted.
    """

    def __init__(self, settings: TraceSettings, counters: Counters) -> None:
        self._counters = counters
        self._watched: set[str] = set()
        self._socket: socket.socket | None = None
        self._homer: tuple[str, int] | None = None
        self.use(settings)

    def use(self, settings: TraceSettings) -> None:
        """Take other settings, for the calls that begin and the messages that go from now on."""
        self._settings = settings
        self.close()
        self._homer = None
        if settings.homer:
            host, port = split_host_port(settings.homer)
            self._homer = (host, port or 9060)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def begin(self, call: str, *numbers: str) -> None:
        """A call begins between these numbers."""
        if is_traced(self._settings.callers, *numbers):
            self._watched.add(call)

    def watch(self, call: str, *, on: bool) -> None:
        """Somebody asks for the messages of a call, from now on; or no longer."""
        if on:
            self._watched.add(call)
        else:
            self._watched.discard(call)

    def end(self, call: str) -> None:
        """A call is over."""
        self._watched.discard(call)

    def wants(self, call: str) -> bool:
        """Whether anybody wants the messages of a call."""
        return self._homer is not None or call in self._watched

    def message(self, call: str, direction: Direction, text: str, local: str, remote: str) -> None:
        """One message of a call.

        Args:
            call: Our id of the call.
            direction: Which way it went.
            text: The whole message.
            local: Our end, ``host:port``.
            remote: The other one.
        """
        if not text or not self.wants(call):
            return
        clean = redacted(text)
        found = _CALL_ID.search(clean)
        sip_call_id = found[1] if found else ""
        if call in self._watched:
            facts = {"call": call, "sip_call_id": sip_call_id, "direction": direction, "remote": remote}
            _log.info("sip_message", extra={"facts": {**facts, "text": clean}})
        if self._homer is not None:
            source, target = (local, remote) if direction == "sent" else (remote, local)
            self._export(Packet(source, target, time.time(), sip_call_id, clean))

    def event(self, call: str, local: str, event: Any) -> None:
        """The stack tells of a transaction of a call."""
        found = seen(event) if self.wants(call) else None
        if found is not None:
            self.message(call, found[0], found[1], local, found[2])

    def close(self) -> None:
        """Close the way to Homer."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _export(self, packet: Packet) -> None:
        if self._socket is None or self._homer is None:
            return
        try:
            self._socket.sendto(
                encode(packet, self._settings.capture_id, self._settings.homer_key.value), self._homer
            )
        except (OSError, ValueError):  # full, unreachable, or an address that is none: calls matter more
            self._counters.add("homer_unsent")


def seen(event: Any) -> tuple[Direction, str, str] | None:
    """Direction, text and remote address of the message that an event is about; None: it is about none."""
    from talkpath.sip._pj import pj, plain  # noqa: PLC0415 - the rest of this module does without the stack

    if event.type != pj.PJSIP_EVENT_TSX_STATE:
        return None
    state = event.body.tsxState
    if state.type == pj.PJSIP_EVENT_RX_MSG:
        return "received", plain(state.src.rdata.wholeMsg), str(state.src.rdata.srcAddress)
    if state.type == pj.PJSIP_EVENT_TX_MSG:
        return "sent", plain(state.src.tdata.wholeMsg), str(state.src.tdata.dstAddress)
    return None
