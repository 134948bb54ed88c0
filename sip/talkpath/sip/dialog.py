"""One dialog: the stack's call object, our id for it, and the messages about it."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from talkpath.sip import in_call_answer, messages, request_answer
from talkpath.sip._pj import StackError, error_text, guarded, pj, plain
from talkpath.sip.dialog_route import send_by
from talkpath.sip.ending import Course, OurEnd, call_ended
from talkpath.sip.headers import (
    HeaderError,
    parse_address,
    parse_message,
    reason_header,
    retry_after_header,
)
from talkpath.sip.hold_orders import HoldOrders
from talkpath.sip.info_digit import parse_info_digit
from talkpath.sip.info_sending import InfoSending
from talkpath.sip.refer import DialogIds, ReferError, dialog_ids
from talkpath.sip.sdp import SdpError
from talkpath.sip.stack_calls import (
    call_parameters,
    description_text,
    received_message,
    sent_offer,
    stream_facts,
)
from talkpath.sip.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.account import TrunkAccount
    from talkpath.sip.addresses import Port
    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Header, MediaDescription
    from talkpath.sip.offer_answer import OfferAnswer
    from talkpath.sip.successors import Successors

_log = logging.getLogger(__name__)


class Dialog(pj.Call):  # type: ignore[misc]  # pjsua2 ships no types
    """One call leg.

    Args:
        account: The account it belongs to.
        call: Our id.
        media: Its offers and answers.
        counters: Where errors in callbacks are counted.
        send: Takes messages for the worker.
        stack_id: The stack's id of an incoming call; None when the stack will say it later.
        incoming: The peer begins the dialog, although the stack has not said its id yet.
    """

    def __init__(
        self,
        account: TrunkAccount,
        call: str,
        media: OfferAnswer,
        counters: Counters,
        send: Callable[[messages.Message], None],
        *,
        stack_id: int | None = None,
        incoming: bool = False,
    ) -> None:
        super().__init__(account, pj.PJSUA_INVALID_ID if stack_id is None else stack_id)
        self.account = account
        self.call = call
        self.counters = counters
        self.trunk = account.trunk.name
        self.incoming = incoming or stack_id is not None
        self.of_a_caller = self.incoming
        """The call is one of a caller, whoever began this dialog."""
        self.confirmed = False
        self.over = False
        self.heard = self.incoming
        """Whether anything came back from the peer."""
        self.decided = not self.incoming
        self.way_back = ""
        """URI that requests to the peer have to pass, when its Contact cannot be reached."""
        self.deadline: float | None = None
        """Monotonic time at which the endpoint ends a call that nobody decided about or nobody answered."""
        self.send = send
        """Takes messages for the worker."""
        self.media = media
        self.trace: Callable[[Any], None] | None = None
        """Shows each message to somebody who looks for a fault."""
        self.told_media: MediaDescription | None = None
        """What the worker knows of the media."""
        self.successors: Successors | None = None
        """Who lets other dialogs take the place of this one; None: nobody."""
        self.successor: Dialog | None = None
        self._our_end: OurEnd | None = None
        self._answered = self._described = False
        self._confirming = ""
        self._refer = ""
        self._ids: DialogIds | None = None
        self._hold = HoldOrders(call, not self.incoming, media, self._send)
        self._transfer = Transfer(call, counters, self._send)
        self._info = InfoSending(call, self._send)

    def _send(self, message: messages.Message) -> None:
        self.send(message)

    # What we are told to do ---------------------------------------------------------------------------

    def ring(self, port: Port, *, early_media: bool = False) -> None:
        """Answer 180, or 183 with our SDP when the caller shall hear something and has offered to."""
        self.decided, self.deadline = True, None
        self._use_port(port.towards(self.media.local.address))
        if not self._answered and not self.over:
            sdp = self.media.final_answer() if early_media else ""
            self._answer(183 if sdp else 180, sdp=sdp)
            self._described = bool(sdp)

    def accept(self, port: Port, headers: tuple[Header, ...]) -> None:
        """Answer 200 with our SDP."""
        self.decided, self.deadline = True, None
        self._use_port(port.towards(self.media.local.address))
        if self._answered or self.over:
            self.counters.add("late_command", "answer")
            return
        self._answered = True
        # What a 183 has said is settled: the stack says the same in the 200.
        self._answer(200, headers, sdp="" if self._described else self.media.final_answer())

    def end(self, end: OurEnd, headers: tuple[Header, ...] = (), retry_after: int = 0) -> None:
        """End the dialog in the way its state asks for: final response, CANCEL or BYE.

        The status of ``end`` is used when a final response is what is needed.
        """
        if self.over or self._our_end is not None:
            return
        self._our_end = end
        self.deadline = None
        extra = [reason_header(end.status, end.reason)] if end.reason else []
        if retry_after:
            extra.append(retry_after_header(retry_after))
        # The stack takes a status only for a final response; 0 leaves BYE and CANCEL to it.
        status = end.status if self.incoming and not self.confirmed and end.status >= 300 else 0
        with contextlib.suppress(pj.Error):  # it ended in the same moment: the state callback reports it
            self.hangup(call_parameters(status, (*extra, *headers)))

    def refer(self, order: messages.Refer, consult: Dialog | None) -> None:
        """Send a REFER; its progress is told, whatever happens."""
        try:
            other = consult.ids() if consult else None
            self._transfer.begin(order, self.ids(), other, consult.contact() if consult else "")
        except ReferError as error:
            self._transfer.refuse(481, str(error))

    def hold(self, on: bool, now: float) -> None:
        """Put the peer on hold, or take it back; what cannot be done is told."""
        if not self.confirmed or self.over:
            self._hold.refuse(on, 481, "the call is not answered")
            return
        self._hold.want(on, now)
        self.tick(now)

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send a digit as INFO; what becomes of it is told."""
        if not self.confirmed or self.over:
            self._info.answered(481, "the call is not answered")
        else:
            self._info.begin(self, digit, duration_ms)

    def tick(self, now: float) -> None:
        """Send the re-INVITE whose time has come."""
        if not self.over and self._our_end is None:
            self._hold.tick(self, now)

    def ids(self) -> DialogIds:
        """What names this dialog.

        Raises:
            ReferError: it is not confirmed, or over.
        """
        if not self.confirmed or self.over:
            raise ReferError(f"the call {self.call} is not answered" if not self.over else "the call is over")
        if self._ids is None:
            try:
                self._ids = dialog_ids(parse_message(self._confirming))
            except HeaderError as error:
                raise ReferError("the dialog of this call is not known") from error
        return self._ids

    def is_named(self, ids: DialogIds) -> bool:
        """Whether these ids are those of this dialog, which is answered."""
        try:
            return self.ids() == ids
        except ReferError:
            return False

    def rings_as(self, ids: DialogIds) -> bool:  # noqa: ARG002  for dialogs that we begin
        """Whether these ids are those of this dialog, which we began and nobody has answered yet."""
        return False

    @property
    def transferring(self) -> bool:
        """Whether we try to send the peer elsewhere."""
        return self._transfer.active

    def take_call_of(self, old: Dialog) -> None:
        """Begin in the place of another dialog, whose call is decided about."""
        self.decided = self._answered = True
        self.of_a_caller, self.successors = old.of_a_caller, old.successors
        self._hold.carry_over(old._hold.established)

    def contact(self) -> str:
        """Where the peer of this dialog wants requests."""
        return parse_address(str(self.getInfo().remoteContact)).uri

    def _use_way_back(self) -> None:
        """Lead our requests around a Contact that cannot be reached."""
        if not self.way_back:
            return
        try:
            send_by(self.ids(), self.way_back)
        except (ReferError, StackError) as error:
            _log.warning("requests to a peer behind NAT may not arrive: %s", error, extra={"call": self.call})
        else:
            self.counters.add("contact_behind_nat")

    def _use_port(self, port: int) -> None:
        self.media.use_port(port)

    def _answer(self, status: int, headers: tuple[Header, ...] = (), sdp: str = "") -> None:
        parameters = call_parameters(status, headers)
        parameters.sdp.wholeSdp = sdp
        try:
            self.answer(parameters)
        except pj.Error as error:
            if not self.over:
                self.end(OurEnd("failure", 500, f"the call could not be answered: {error_text(error)}"))

    # What the stack tells us --------------------------------------------------------------------------

    @guarded
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """Put our own description in place of the stack's, which has no media."""
        prm.sdp.wholeSdp = self.media.describe(description_text(prm.sdp), description_text(prm.remSdp))

    @guarded
    def onCallRxOffer(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """Refuse a re-INVITE or UPDATE whose offer we cannot answer; the call goes on as it was."""
        try:
            self.media.check_offer(description_text(prm.offer))
        except SdpError as error:
            self.counters.add("offer_refused", str(error.status))
            _log.info("offer refused: %s", error, extra={"call": self.call})
            prm.statusCode = 488

    @guarded
    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802, ARG002  the stack's name
        """An exchange of offer and answer is complete."""
        self.media.complete()
        self._report_media()

    @guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """The dialog changed its state."""
        message = received_message(prm.e)
        self._learn(message)
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONNECTING:
            self._confirming = message  # the 200 to our INVITE; the ACK to ours comes with the next state
        if info.state == pj.PJSIP_INV_STATE_EARLY and not self.incoming:
            self._provisional(int(info.lastStatusCode), message)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.confirmed:
            self.confirmed, self.deadline = True, None
            self._confirming = message or self._confirming
            self._use_way_back()
            self._settle_from_stream()
            self._answered_now()
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED and not self.over:
            self.over = True
            self._transfer.end()
            course = Course(self.incoming, self.confirmed, self.heard)
            status = int(info.lastStatusCode)
            self._send(
                call_ended(
                    self.call,
                    course,
                    self._our_end,
                    status=status,
                    phrase=info.lastReason,
                    last_message=message,
                )
            )

    @guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """A transaction in the dialog moved: its message may hold the answer to an offer of ours."""
        if self.trace is not None:
            self.trace(prm.e)
        message = received_message(prm.e)
        self.heard = self.heard or bool(message)
        if self.confirmed:
            self.media.offered(sent_offer(prm.e))
        self._learn(message)
        self._settle_from_stream()
        self._hold.take(message, prm.e)
        if self._info.under_way:
            self._info.take(message, prm.e)
        if message and not message.startswith("SIP/2.0 "):
            self._take_request(message, prm.e)
        if self._transfer.active and not message.startswith("INFO "):
            self._transfer.follow(message, prm.e)

    def _provisional(self, status: int, message: str) -> None:
        """A call of ours is on its way."""

    def _answered_now(self) -> None:
        """The dialog is confirmed."""
        self._send(messages.CallConfirmed(call=self.call))

    def _take_request(self, message: str, event: Any) -> None:
        if message.startswith("REFER "):
            self._take_refer(message, event)
        in_call_answer.answer(message, event, subscribed=bool(self._refer) or self._transfer.begun)
        digit = parse_info_digit(message) if message.startswith("INFO ") else None
        if digit is not None:
            self._send(messages.CallDigit(call=self.call, digit=digit.digit, duration_ms=digit.duration_ms))

    def _take_refer(self, message: str, event: Any) -> None:
        """A REFER from the peer, which would have us call somebody else: refuse it before the stack asks."""
        self._refer = message
        if self.successors is not None and request_answer.is_unanswered(event):
            refusal = self.successors.refuse_refer(self, message)
            if refusal is not None:
                request_answer.answer(event, refusal)

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """A REFER that was not refused: the stack is about to call its target."""
        prm.statusCode = 603
        if self.successors is not None:
            prm.newCall = self.successors.referred(self, self._refer)
            prm.statusCode = 202

    @guarded
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """An INVITE with Replaces, which reception has let pass, is about to become a dialog."""
        prm.statusCode = 603
        message, source = plain(prm.rdata.wholeMsg), str(prm.rdata.srcAddress)
        found = self.successors.replacing(self, message, source) if self.successors is not None else None
        if found is not None:
            prm.statusCode, prm.newCall = 200, found

    @guarded
    def onCallReplaced(self, prm: Any) -> None:  # noqa: N802, ARG002  the stack's name
        """The INVITE with Replaces is about to be answered; after that the stack ends this dialog."""
        if self.successors is not None:
            self.successors.replaced(self)

    # Media --------------------------------------------------------------------------------------------

    def _learn(self, message: str) -> None:
        # Not from a request that crosses ours: what stands in it is an offer.
        if message.startswith(("SIP/2.0 ", "ACK ", "PRACK ")):
            self.media.learn_answer(message.partition("\r\n\r\n")[2])
            self._report_media()

    def _report_media(self) -> None:
        try:
            settled = self.media.take_settled()
        except SdpError as error:
            self.end(OurEnd("failure", 488, str(error)))
            return
        if settled is not None:
            self._settled(settled)

    def _settled(self, media: MediaDescription) -> None:
        """Offer and answer agree on this."""
        self.told_media = media
        self._send(messages.MediaUpdated(call=self.call, media=media))

    def _settle_from_stream(self) -> None:
        """Ask the stack for the peer's side of an exchange whose answer it did not show (an ACK)."""
        if not self.media.answer_is_missing:
            return
        self.media.learn_stream(stream_facts(self.getStreamInfo(0)))
        self._report_media()
