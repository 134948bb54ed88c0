"""Holding the peer of one dialog: sends the re-INVITEs that `Holding` asks for and reads their answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import pj
from talkpath.sip.headers import HeaderError, parse_message, reason_text, safe_text
from talkpath.sip.holding import Holding, Verdict
from talkpath.sip.messages import HoldAnswered
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

    def __init__(
        self,
        call: str,
        owner: bool,
        media: OfferAnswer,
        send: Callable[[Message], None],
    ) -> None:
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
        self._tell(Verdict(on, status, reason))

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

    def take(self, message: str, event: Any) -> None:
        """Take what moved a transaction: the answer to our re-INVITE, or the stack's own 408 or 503."""
        if not self._holding.under_way:
            return
        if message.startswith("SIP/2.0 "):
            self._take_response(message)
        elif not message and event.type == pj.PJSIP_EVENT_TSX_STATE:
            self._take_change(event.body.tsxState)

    def _take_response(self, message: str) -> None:
        try:
            response = parse_message(message)
            status, phrase = parse_fragment(response.start_line)
        except (HeaderError, ReferError):
            return
        if status < 200 or not response.first("CSeq").upper().endswith("INVITE"):
            return
        # A challenge that the stack answers is not shown: a 401 or 407 here is its last word.
        self._answered(status, reason_text(response.first("Reason")) or phrase)

    def _take_change(self, change: Any) -> None:
        """Nobody answered in time, or nothing could be sent."""
        ours = change.tsx.method == "INVITE" and change.tsx.role == pj.PJSIP_ROLE_UAC
        waiting = change.prevState < pj.PJSIP_TSX_STATE_COMPLETED
        if ours and waiting and change.tsx.statusCode >= 300:
            self._answered(int(change.tsx.statusCode), safe_text(change.tsx.statusText))

    def _answered(self, status: int, reason: str) -> None:
        if status >= 300:
            self._media.back_to(self._before)
        self._tell(self._holding.answered(status, reason, time.monotonic()))

    def _tell(self, verdict: Verdict | None) -> None:
        """What is described from now on is what holds; what became of an order is told."""
        self._media.hold = self._holding.established
        if verdict is not None:
            self._send(
                HoldAnswered(call=self._call, on=verdict.on, status=verdict.status, reason=verdict.reason)
            )
