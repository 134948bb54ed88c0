"""The transfer of one call away from us: one REFER at a time, told to the worker stage by stage."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import StackError, pj
from talkpath.sip.headers import safe_text
from talkpath.sip.messages import ReferProgress
from talkpath.sip.refer import DialogIds, ReferError, refer_to, referred_by, replaces
from talkpath.sip.refer_progress import ReferProgress as Progress
from talkpath.sip.refer_progress import Step
from talkpath.sip.refer_request import send_refer

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Header, Message, Refer

_log = logging.getLogger(__name__)


class Transfer:
    """Sends REFERs of one call and follows them.

    Args:
        call: Our id of the call.
        counters: Where outcomes and unreadable reports are counted.
        send: Takes messages for the worker.
    """

    def __init__(self, call: str, counters: Counters, send: Callable[[Message], None]) -> None:
        self._call = call
        self._counters = counters
        self._send = send
        self._progress: Progress | None = None

    @property
    def begun(self) -> bool:
        """Whether there has been a REFER of ours."""
        return self._progress is not None

    @property
    def active(self) -> bool:
        """Whether an outcome is waited for."""
        return self._progress is not None and not self._progress.over

    def begin(self, order: Refer, dialog: DialogIds, consult: DialogIds | None, contact: str) -> None:
        """Send the REFER; whatever stands in the way is told as ``refused``.

        Args:
            order: What to do.
            dialog: The dialog to send it in.
            consult: The dialog that the peer shall replace, for an attended transfer.
            contact: Address of the consult call's peer; used when the order names no target.
        """
        if self.active:
            self.refuse(491, "a transfer of this call is already going on")
            return
        self._progress = Progress(lambda cause: self._counters.add("notify", cause))
        try:
            target, headers = _texts(order, consult, contact)
            send_refer(dialog, target, headers)
        except (ReferError, StackError) as error:
            _log.warning("the REFER was not sent: %s", error, extra={"call": self._call})
            self._tell(self._progress.fail(500, str(error)))

    def refuse(self, status: int, reason: str) -> None:
        """Say that an order cannot be carried out; what goes on already, goes on."""
        self._tell([Step("refused", status, reason)])

    def follow(self, message: str, event: Any) -> None:
        """Take what moved a transaction of the dialog: a message, or the stack's own 408 or 503."""
        if self._progress is None:
            return
        if message:
            self._tell(self._progress.take(message))
        elif event.type == pj.PJSIP_EVENT_TSX_STATE:
            # A transaction that had its response ends later with the same status: that is old news, perhaps
            # of an earlier REFER.
            change = event.body.tsxState
            unanswered = change.prevState < pj.PJSIP_TSX_STATE_COMPLETED
            if unanswered and change.tsx.method == "REFER" and change.tsx.statusCode >= 300:
                reason = safe_text(change.tsx.statusText)
                self._tell(self._progress.fail(int(change.tsx.statusCode), reason))

    def end(self) -> None:
        """The call is over."""
        if self._progress is not None:
            self._tell(self._progress.end("the call ended before the outcome was told"))

    def _tell(self, steps: list[Step]) -> None:
        for step in steps:
            self._counters.add("refer", step.stage)
            self._send(
                ReferProgress(call=self._call, stage=step.stage, status=step.status, reason=step.reason)
            )


def _texts(order: Refer, consult: DialogIds | None, contact: str) -> tuple[str, tuple[Header, ...]]:
    """The value of Refer-To, and the other headers.

    Raises:
        ReferError: something in the order cannot be written.
    """
    uri = order.refer_to or contact
    outside = uri.lower().startswith("tel:")
    inside = (("Replaces", replaces(consult)),) if consult else ()
    target = refer_to(uri, inside if outside else (*inside, *order.new_call_headers))
    by = (referred_by(order.referred_by),) if order.referred_by else ()
    return target, (*by, *order.headers, *(order.new_call_headers if outside else ()))
