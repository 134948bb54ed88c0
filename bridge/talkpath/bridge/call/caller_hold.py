"""The caller on hold: what their side is told of it, and what the agent is.

A hold may be *local*: the caller hears our comfort sound, and nothing is signalled. Or it is *signalled* by
a re-INVITE with ``a=sendonly`` (RFC 3264, section 8.4): the caller's PBX knows, and may play its own music.
We go on sending the comfort sound, for whoever plays none. A peer that refuses is held locally.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.config.by_trunk import signals_hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.bookkeeping import Bookkeeping
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.phone_leg import PhoneLeg
    from talkpath.bridge.call.sip_leg import SipLeg
    from talkpath.bridge.call.timers import CallTimers
    from talkpath.bridge.config.model import Config
    from talkpath.sip import messages as m

HELD_NOTE: Final = (
    "The operator has put the caller on hold: they do not hear you, and you do not hear them. "
    "Wait until you are told that they are back."
)
BACK_NOTE: Final = (
    "The operator has given the caller back to you. Thank them for waiting in one short sentence, and go on "
    "where you were."
)
"""What the agent is told."""

AGAIN: Final = "take_back"
"""Name of a timer."""
PAUSE: Final = 5.0
"""Seconds until a peer that would not be taken back is asked again."""
TRIES: Final = 3
"""A peer that still refuses stays silent; the agent's own limits for silence end that."""


class CallerHold:
    """Holds the caller, and takes them back; each any number of times.

    Args:
        config: Says whether the trunk wants a hold signalled.
        trunk: The caller's; it may be none of the configured.
        sip: The caller's dialog.
        books: Count the holds.
        timers: The call's timers.
    """

    def __init__(
        self, config: Config, trunk: str, sip: SipLeg, books: Bookkeeping, timers: CallTimers
    ) -> None:
        self._signalled = signals_hold(config, trunk)
        self._sip = sip
        self._books = books
        self._timers = timers
        self._held = self._awaited = False
        self._tries = 0
        self._then: Callable[[], None] | None = None

    def begin(self) -> None:
        """Hold the caller; harmless when they are held."""
        if self._held:
            return
        self._held = True
        self._awaited, self._then = False, None
        self._timers.cancel(AGAIN)
        self._books.held(signalled=self._signalled)
        if self._signalled:
            self._sip.hold(on=True)

    def end(self) -> None:
        """Take the caller back; harmless when they are not held."""
        if not self._held:
            return
        self._held = False
        if self._signalled:
            self._awaited, self._tries = True, 0
            self._sip.hold(on=False)

    def once_back(self, action: Callable[[], None]) -> None:
        """Do something that the caller shall hear: at once, or when their side says that it is back."""
        if self._awaited:
            self._then = action
        else:
            action()

    def forget(self) -> None:
        """What was to be done `once_back` is not wanted any more."""
        self._then = None

    def answered(self, answer: m.HoldAnswered) -> None:
        """Take what the caller's side said; a refusal leaves the hold a local one."""
        self._books.hold_answered(answer)
        if answer.on or self._held:
            return
        if answer.status >= 300 and self._tries < TRIES:
            self._tries += 1
            self._timers.set(AGAIN, PAUSE, lambda: self._sip.hold(on=False))
        self._awaited, then, self._then = False, self._then, None
        if then is not None:
            then()


class OperatorHold:
    """What a hold by the operator means to the two who talk.

    Args:
        hold: Tells the caller's side.
        phone: The caller's.
        line: The agent's.
    """

    def __init__(self, hold: CallerHold, phone: PhoneLeg, line: ModelLine) -> None:
        self._hold = hold
        self._phone = phone
        self._line = line

    def begin(self) -> None:
        """Part the two: the caller hears the comfort sound, the agent hears silence and says nothing."""
        self._phone.mute()
        self._line.silence()
        self._line.tell(HELD_NOTE, respond=False)
        self._phone.comfort_on()
        self._hold.begin()

    def end(self) -> None:
        """Give them back to each other."""
        self._hold.end()
        self._phone.comfort_off()
        self._phone.listen()
        self._line.unsilence()

    def tell(self) -> None:
        """Let the agent know, and speak."""
        self._line.tell(BACK_NOTE)
