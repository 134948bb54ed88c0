"""Placing a call of ours: what the policy says, who we say that we are, and the INVITE."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from talkpath.sip._pj import error_text, pj
from talkpath.sip.account import identity
from talkpath.sip.headers import safe_text
from talkpath.sip.identity import identity_of
from talkpath.sip.messages import CallEnded, Outcome
from talkpath.sip.outbound import OutboundPolicy
from talkpath.sip.outgoing import OutgoingDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from talkpath.sip.account import TrunkAccount
    from talkpath.sip.counters import Counters
    from talkpath.sip.dialog import Dialog
    from talkpath.sip.messages import Message, PlaceCall, SipSettings
    from talkpath.sip.offer_answer import OfferAnswer
    from talkpath.sip.outbound import Refused

_log = logging.getLogger(__name__)


class Placing:
    """Places calls.

    Args:
        settings: Trunks with their rules for calls of ours.
        counters: Where refusals are counted.
        report: Takes what dialogs tell.
    """

    def __init__(self, settings: SipSettings, counters: Counters, report: Callable[[Message], None]) -> None:
        self._settings = settings
        self._counters = counters
        self._report = report
        self._policy = OutboundPolicy(settings)

    def refuse(self, order: PlaceCall, dialogs: Collection[Dialog], now: float) -> CallEnded | None:
        """Ask the policy; the end of a call that may not go out, or None.

        Args:
            order: The call to place.
            dialogs: All that live.
            now: Monotonic seconds.
        """
        refused = self._ask(order.trunk, order.uri, dialogs, now, vouched=order.vouched)
        if refused is None:
            return None
        _log.warning("call refused: %s", refused.reason, extra={"call": order.call})
        return _ended(order, refused.status, refused.reason, refused.outcome)

    def refuse_target(self, trunk: str, uri: str, dialogs: Collection[Dialog], now: float) -> Refused | None:
        """Ask the policy about a target that a peer named; why it may not be called, or None.

        Args:
            trunk: Trunk of the call that shall go there.
            uri: The target.
            dialogs: All that live.
            now: Monotonic seconds.
        """
        return self._ask(trunk, uri, dialogs, now, vouched=False)

    def _ask(
        self, trunk: str, uri: str, dialogs: Collection[Dialog], now: float, *, vouched: bool
    ) -> Refused | None:
        live = [dialog for dialog in dialogs if dialog.trunk == trunk]
        outgoing = sum(not dialog.incoming for dialog in live)
        refused = self._policy.refuse(
            trunk, uri, now, vouched=vouched, outgoing=outgoing, all_calls=len(live)
        )
        if refused is not None:
            self._counters.add("outbound_refused", refused.counter)
        return refused

    def begin(
        self, order: PlaceCall, account: TrunkAccount, media: OfferAnswer, now: float
    ) -> OutgoingDialog:
        """Make the dialog of a call that may go out; nothing is sent yet."""
        dialog = self.towards(order.call, account, media, self._report)
        dialog.deadline = now + (order.ring_timeout or dialog.rules.ring_timeout)
        self._counters.add("calls", "outgoing")
        return dialog

    def towards(
        self, call: str, account: TrunkAccount, media: OfferAnswer, report: Callable[[Message], None]
    ) -> OutgoingDialog:
        """Make a dialog of ours that has not begun.

        Args:
            call: The call that it belongs to.
            account: Account of its trunk.
            media: Its offers and answers.
            report: Takes what it tells.
        """
        trunk = account.trunk.name
        allows = functools.partial(self._policy.allows, trunk)
        return OutgoingDialog(
            account, call, media, self._counters, report, rules=self._policy.rules(trunk), allows=allows
        )

    def dial(self, order: PlaceCall, dialog: OutgoingDialog, account: TrunkAccount) -> CallEnded | None:
        """Send the INVITE; the end of a call whose INVITE cannot be sent, or None."""
        own = identity(self._settings, account.trunk)
        try:
            dialog.place(order, identity_of(order, self._policy.rules(order.trunk), own))
        except pj.Error as error:
            if dialog.over:  # the stack has said so itself
                return None
            dialog.over = True
            reason = safe_text(f"the call cannot be placed: {error_text(error)}")
            return _ended(order, 503, reason, Outcome.UNREACHABLE)
        return None


def _ended(order: PlaceCall, status: int, reason: str, outcome: Outcome) -> CallEnded:
    return CallEnded(call=order.call, by="failure", status=status, reason=reason, outcome=outcome)
