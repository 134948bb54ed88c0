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
        live = [dialog for dialog in dialogs if dialog.trunk == order.trunk]
        outgoing = sum(not dialog.incoming for dialog in live)
        refused = self._policy.refuse(
            order.trunk, order.uri, now, vouched=order.vouched, outgoing=outgoing, all_calls=len(live)
        )
        if refused is None:
            return None
        self._counters.add("outbound_refused", refused.counter)
        _log.warning("call refused: %s", refused.reason, extra={"call": order.call})
        return _ended(order, refused.status, refused.reason, refused.outcome)

    def begin(
        self, order: PlaceCall, account: TrunkAccount, media: OfferAnswer, now: float
    ) -> OutgoingDialog:
        """Make the dialog of a call that may go out; nothing is sent yet."""
        rules = self._policy.rules(order.trunk)
        allows = functools.partial(self._policy.allows, order.trunk)
        dialog = OutgoingDialog(
            account, order.call, media, self._counters, self._report, rules=rules, allows=allows
        )
        dialog.deadline = now + (order.ring_timeout or rules.ring_timeout)
        self._counters.add("calls", "outgoing")
        return dialog

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
