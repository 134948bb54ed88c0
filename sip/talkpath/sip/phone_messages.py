"""What the supervisor and the phone process say to each other, beyond what any dialog is told.

The phone process stands beside the SIP process: its dialogs are with browsers. To the workers it says what
the SIP process says (`IncomingCall`, `MediaUpdated`, `CallConfirmed`, `CallDigit`, `CallEnded`), and it takes
the same orders.
"""

from __future__ import annotations

from typing import Final

from talkpath.sip.settings import Message

CONSOLE: Final = "console"
"""The trunk of calls from browsers; no trunk of the configuration may have this name."""


class PhoneSettings(Message, frozen=True):
    """First message to the phone process. No key of a model is in it: it reads what browsers send."""

    max_calls: int
    addresses: tuple[str, ...] = ()
    """IP addresses of this machine that are named to browsers; empty: all of them."""
    log_format: str = "auto"
    log_level: str = "info"
    log_private: bool = False


class PhoneOffer(Message, frozen=True):
    """A browser wants to talk to an agent. The answer is `PhoneAnswer`, or `CallEnded`."""

    call: str
    agent: str
    sdp: str


class PhoneAnswer(Message, frozen=True):
    """The model is there: this is the answer for the browser."""

    call: str
    sdp: str


class PhoneDigit(Message, frozen=True):
    """A key was pressed in the browser."""

    call: str
    digit: str


class PhoneHangUp(Message, frozen=True):
    """The browser hangs up."""

    call: str
