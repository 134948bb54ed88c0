"""The keys of a call: where those of the caller go, and the news about those that we press."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from talkpath.bridge.call.machine import BEFORE_THE_TALK, Event, State
from talkpath.bridge.media import lane as media

if TYPE_CHECKING:
    from talkpath.bridge.call.abilities.collect_digits import CollectDigits
    from talkpath.bridge.call.abilities.send_dtmf import SendDtmf
    from talkpath.bridge.call.bookkeeping import Bookkeeping
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.patience import Patience
    from talkpath.bridge.call.transfer_desk import TransferDesk

_ANSWERED_BY_A_KEY: Final = frozenset({State.LISTENING, State.ASKING, State.GOODBYE})
"""What the agent says or waits for there is over when the caller presses a key, as when the caller speaks."""


class KeyedCall(Protocol):
    """The call."""

    state: State

    def happen(self, event: Event) -> None:
        """Take one step of the call's table."""


class Keypad:
    """Gives each key to whoever waits for it: a transfer, a number that is being entered, the model.

    Args:
        call: The call.
        books: Count the keys.
        desk: Its transfers.
        line: Its agent.
        collector: Takes the keys of a number.
        keys: What we press.
        patience: Is told that somebody is there.
    """

    def __init__(
        self,
        call: KeyedCall,
        books: Bookkeeping,
        desk: TransferDesk,
        line: ModelLine,
        *,
        collector: CollectDigits,
        keys: SendDtmf,
        patience: Patience,
    ) -> None:
        self._call = call
        self._books = books
        self._desk = desk
        self._line = line
        self._collector = collector
        self._keys = keys
        self._patience = patience

    def event(self, event: media.Digit | media.DigitsSent) -> None:
        """Take a key of the caller's from the media plane, or the end of ours."""
        if isinstance(event, media.Digit):
            self.digit(event.digit)
        else:
            self._keys.events_sent(complete=event.complete)

    def digit(self, digit: str) -> None:
        """Take a key of the caller's: 0 to 9, ``*``, ``#``, A to D."""
        if self._call.state in BEFORE_THE_TALK:
            return
        self._books.record.digits += 1
        if self._call.state is State.HELD:
            return
        if self._call.state is State.TRANSFERRING:  # what the caller does meanwhile reaches no model
            self._desk.caller_digit(digit)
            return
        leg = self._line.leg
        if leg is not None and not self._collector.take(digit):
            leg.digits(digit)
        if leg is not None and self._call.state in _ANSWERED_BY_A_KEY:
            self._call.happen(Event.CALLER_SPOKE)
        self._patience.activity()
