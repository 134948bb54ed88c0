"""What a transfer asks of the caller's side, by REFER (RFC 3515), and what has come of it.

A blind transfer sends the caller to a number, an attended one to our dialog with the human (RFC 3891).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.call.giving_away import GivingAway
from talkpath.bridge.transfer.reasons import refer_event
from talkpath.bridge.transfer.vocabulary import Event
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from talkpath.bridge.call.transfer_terms import Lent
    from talkpath.bridge.transfer.briefing import Subject
    from talkpath.bridge.transfer.course import Transfer

NOT_A_PACKET: Final = 0.1
"""Seconds without a voice packet, where they came every 20 ms, that are no jitter."""


class Referral:
    """The REFERs of one transfer.

    Args:
        subject: What is known about the call.
        lent: What the call lends.
        remember: Seconds within which a caller who was given away is recognised.
    """

    def __init__(self, subject: Subject, lent: Lent, remember: float) -> None:
        self.sent = False
        """The peer was asked to do something: its report may come late."""
        self._lent = lent
        self._given_away = False
        self._giving = GivingAway(subject, lent, remember)

    @property
    def caller_may_be_kept(self) -> bool:
        """Whether the peer may have taken the caller away, and not have given them back.

        A PBX may carry out a REFER before it knows whether it succeeds. Our dialog stays, and is empty.
        """
        return self._given_away and self._lent.phone.silent_seconds > NOT_A_PACKET

    def blind(self, number: str, target: str, headers: tuple[m.Header, ...]) -> None:
        """Send the caller to a number.

        Args:
            number: URI or number of the human.
            target: Their name.
            headers: What our REFER asks for in the new call.

        Raises:
            ReferError: the number cannot be reached from here.
        """
        uri = self._lent.peer.refer_to(self._lent.services.config, number)
        self._given_away = self._lent.phone.silent_seconds < NOT_A_PACKET
        self._giving.begin(target)
        self._ask_peer(refer_to=uri, headers=headers)

    def attended(self, consultation: str) -> None:
        """Send the caller into the place of our dialog with the human, whose INVITE had the headers."""
        self._ask_peer(replaces_call=consultation)

    def reported(self, progress: m.ReferProgress) -> Event | None:
        """The peer tells what became of a REFER, of this transfer or an earlier one; None: nothing for us."""
        event = refer_event(progress)
        if event is Event.REFER_REFUSED:
            self._giving.refused()
        return event if self.sent or event is Event.REFER_DONE else None

    def end(self, course: Transfer, *, kept: bool) -> None:
        """The transfer is over, or the call ends in the middle of it; see `GivingAway.end`."""
        self._giving.end(course, kept=kept)

    def _ask_peer(
        self, *, refer_to: str = "", replaces_call: str = "", headers: tuple[m.Header, ...] = ()
    ) -> None:
        lent = self._lent
        self.sent = True
        lent.services.send(
            m.Refer(
                call=lent.call,
                refer_to=refer_to,
                replaces_call=replaces_call,
                referred_by=lent.peer.referrer(lent.services.config),
                headers=lent.headers(),
                new_call_headers=headers,
            )
        )
