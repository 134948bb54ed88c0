"""Digits that we send as SIP INFO (RFC 6086, section 1.1: the legacy use), one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import error_text, pj
from talkpath.sip.headers import HeaderError, parse_message, safe_text
from talkpath.sip.info_digit import KIND, info_body
from talkpath.sip.messages import InfoDigitAnswered
from talkpath.sip.refer import ReferError, parse_fragment

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.messages import Message


class InfoSending:
    """Sends the digits of one call and tells what became of each.

    Args:
        call: Our id of the call.
        send: Takes messages for the worker.
    """

    def __init__(self, call: str, send: Callable[[Message], None]) -> None:
        self._call = call
        self._send = send
        self.under_way = False

    def begin(self, dialog: Any, digit: str, duration_ms: int) -> None:
        """Send one digit in a dialog; what stands in the way is told as the answer."""
        if self.under_way:
            self._tell(491, "the digit before has not been answered yet")
            return
        parameters = pj.CallSendRequestParam()
        parameters.method = "INFO"
        parameters.txOption.contentType = KIND
        self.under_way = True
        try:
            parameters.txOption.msgBody = info_body(digit, duration_ms)
            dialog.sendRequest(parameters)
        except pj.Error as error:
            self.answered(500, error_text(error))
        except ValueError as error:
            self.answered(500, str(error))

    def answered(self, status: int, reason: str) -> None:
        """Say what became of the digit, from the peer or instead of it."""
        self.under_way = False
        self._tell(status, reason)

    def take(self, message: str, event: Any) -> None:
        """Take what moved a transaction of the dialog: a message, or the stack's own 408 or 503."""
        if message:
            self._take_message(message)
        elif event.type == pj.PJSIP_EVENT_TSX_STATE:
            self._take_change(event.body.tsxState)

    def _take_message(self, message: str) -> None:
        try:
            response = parse_message(message)
            status, phrase = parse_fragment(response.start_line)
        except (HeaderError, ReferError):
            return
        if status < 200 or not response.first("CSeq").upper().endswith("INFO"):
            return
        # A challenge that the stack answers is not shown: a 401 or 407 here is its last word.
        self.answered(status, phrase)

    def _take_change(self, change: Any) -> None:
        waiting = change.prevState < pj.PJSIP_TSX_STATE_COMPLETED
        if waiting and change.tsx.method == "INFO" and change.tsx.statusCode >= 300:
            self.answered(int(change.tsx.statusCode), safe_text(change.tsx.statusText))

    def _tell(self, status: int, reason: str) -> None:
        self._send(InfoDigitAnswered(call=self._call, status=status, reason=reason))
