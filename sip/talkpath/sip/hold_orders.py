"""Holding the peer of one dialog: sends the re-INVITEs that `Holding` asks for and reads their answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import pj
from talkpath.sip.headers import HeaderError, parse_message, reason_text
from talkpath.sip.holding import Holding, Refusal
from talkpath.sip.messages import HoldRefused
from talkpath.sip.refer import ReferError, parse_fragment
from talkpath.sip.stack_calls import call_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.messages import Message
    from talkpath.sip.offer_answer import OfferAnswer


class HoldOrders:
    """What was ordered about holding the peer of one call.

    Args:
        call: Our id of the call.
        owner: We began the dialog (RFC 3261, section 14.1).
        media: Its offers and answers.
        send: Takes messages for the worker.
    """

    def __init__(self, call: str, owner: bool, media: OfferAnswer, send: Callable[[Message], None]) -> None:
        self._call = call
        self._media = media
        self._send = send
        self._holding = Holding(owner=owner)
        self._before = media.checkpoint()

    @property
    def established(self) -> bool:
        """Whether the peer is held."""
        return self._holding.established

    def carry_over(self, established: bool) -> None:
        """The dialog takes the place of one whose peer was held, or was not."""
        self._holding.established = self._media.hold = established

    def want(self, on: bool, now: float) -> None:
        """Hold the peer, or take it back, at the next `tick`."""
        self._holding.want(on, now)

    def refuse(self, on: bool, status: int, reason: str) -> None:
        """Tell that an order cannot be carried out."""
        self._tell(Refusal(on, status, reason))

    def tick(self, dialog: Any, now: float) -> None:
        """Send the re-INVITE whose time has come, in this call of the stack."""
        on = self._holding.due(now)
        if on is None:
            return
        self._before = self._media.checkpoint()
        self._media.hold = on
        try:
            dialog.reinvite(call_parameters(0, ()))
        except pj.Error:
            self._media.back_to(self._before)
            self._tell(self._holding.blocked(now))
        else:
            self._holding.sent()

    def take(self, message: str) -> None:
        """Take a message of the dialog: it may be the answer to our re-INVITE."""
        if not self._holding.under_way or not message.startswith("SIP/2.0 "):
            return
        try:
            response = parse_message(message)
            status, phrase = parse_fragment(response.start_line)
        except (HeaderError, ReferError):
            return
        if status >= 200 and response.first("CSeq").upper().endswith("INVITE"):
            reason = reason_text(response.first("Reason")) or phrase
            if status >= 300:
                self._media.back_to(self._before)
            self._tell(self._holding.answered(status, reason, time.monotonic()))

    def _tell(self, refusal: Refusal | None) -> None:
        """What is described from now on is what holds; a refusal for good is told."""
        self._media.hold = self._holding.established
        if refusal is not None:
            self._send(
                HoldRefused(call=self._call, on=refusal.on, status=refusal.status, reason=refusal.reason)
            )
