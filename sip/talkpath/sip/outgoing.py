"""A call of ours: placing it, early media, redirections, and giving up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from talkpath.sip import messages
from talkpath.sip._pj import pj
from talkpath.sip.dialog import Dialog
from talkpath.sip.ending import OurEnd
from talkpath.sip.headers import HeaderError, parse_message
from talkpath.sip.refer import DialogIds, ReferError, dialog_ids
from talkpath.sip.stack_calls import call_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.account import TrunkAccount
    from talkpath.sip.counters import Counters
    from talkpath.sip.identity import Identity
    from talkpath.sip.messages import MediaDescription, Message, OutboundSettings
    from talkpath.sip.offer_answer import OfferAnswer

_log = logging.getLogger(__name__)

MAX_REDIRECTIONS = 5


class OutgoingDialog(Dialog):
    """A dialog that we begin.

    Args:
        account: The account it belongs to.
        call: The worker's id for it.
        media: Its offers and answers.
        counters: Where redirections are counted.
        send: Takes messages for the worker.
        rules: What the trunk says about calls of ours.
        allows: Whether a URI may be called; asked for each target of a redirection.
    """

    def __init__(
        self,
        account: TrunkAccount,
        call: str,
        media: OfferAnswer,
        counters: Counters,
        send: Callable[[Message], None],
        *,
        rules: OutboundSettings,
        allows: Callable[[str], bool],
    ) -> None:
        super().__init__(account, call, media, counters, send)
        self.rules = rules
        self._allows = allows
        self._redirections = 0
        self._ringing = ""
        self._early: MediaDescription | None = None
        self._told: MediaDescription | None = None
        media.may_fork = True

    def place(self, order: messages.PlaceCall, identity: Identity) -> None:
        """Send the INVITE.

        Raises:
            pjsua2.Error: the URI cannot be used, or no call slot is free.
        """
        self._use_port(order.rtp_port)
        parameters = call_parameters(0, (*identity.headers, *order.headers))
        parameters.txOption.localUri = identity.address
        self.makeCall(order.uri, parameters)

    def give_up(self) -> None:
        """Nobody answered in time."""
        self.end(OurEnd("failure", 408, "no answer" if self.heard else "no response"))

    def onCallRedirected(self, prm: Any) -> Any:  # noqa: N802  the stack's name
        """A 3xx names another target: follow it only when we may call it."""
        try:
            return self._redirected(str(prm.targetUri))
        except Exception:  # noqa: BLE001  a task root: nothing above us but C++
            self.counters.add("callback_error", "onCallRedirected")
            _log.exception("error in the callback onCallRedirected")
            return pj.PJSIP_REDIRECT_REJECT

    def _redirected(self, target: str) -> Any:
        self._redirections += 1
        if self.rules.redirects == "fail" or self._redirections > MAX_REDIRECTIONS:
            self.counters.add("redirected", "failed")
            return pj.PJSIP_REDIRECT_REJECT
        if not self._allows(target.strip("<>")):
            self.counters.add("redirected", "not_allowed")
            _log.warning("a redirection to a destination that is not allowed", extra={"call": self.call})
            return pj.PJSIP_REDIRECT_REJECT
        self.counters.add("redirected", "followed")
        return pj.PJSIP_REDIRECT_ACCEPT

    def rings_as(self, ids: DialogIds) -> bool:
        """Whether these ids are those of the early dialog that told of itself last."""
        if self.confirmed or self.over or not self._ringing:
            return False
        try:
            return dialog_ids(parse_message(self._ringing)) == ids
        except (HeaderError, ReferError):  # a 100, or one without a tag
            return False

    def _provisional(self, status: int, message: str) -> None:
        self._ringing = message or self._ringing
        early = self.rules.early_media == "hear" and "\r\n\r\nv=" in message
        self._send(messages.CallRinging(call=self.call, status=status, early_media=early))

    def _settled(self, media: MediaDescription) -> None:
        if self.confirmed:
            super()._settled(media)
        elif self.rules.early_media == "ignore":
            self._early = media
        elif media != self._told:
            self._told = media
            super()._settled(media)

    def _answered_now(self) -> None:
        self.media.may_fork = False
        if self._early is not None:
            early, self._early = self._early, None
            super()._settled(early)
        super()._answered_now()
