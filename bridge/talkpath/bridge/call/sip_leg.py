"""What one call tells the SIP process: one method for each order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.bookkeeping import Bookkeeping
    from talkpath.bridge.call.phone_leg import PhoneLeg

RETRY_AFTER: Final = 10
"""Seconds after which a caller may try again when there was no model."""


class SipLeg:
    """The dialog of a call, as far as we have a say in it.

    Args:
        call: Our id of the call.
        order: For an outbound call: what to dial.
        headers: What our BYE tells the other side.
        phone: Has the RTP port.
        books: Know why the call ends.
        send: Sends a message to the SIP process.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        call: str,
        order: m.Originate | None,
        headers: Callable[[], tuple[m.Header, ...]],
        *,
        phone: PhoneLeg,
        books: Bookkeeping,
        send: Callable[[m.Message], None],
        clock: Callable[[], float],
    ) -> None:
        self._call = call
        self._order = order
        self._phone = phone
        self._books = books
        self._send = send
        self._clock = clock
        self._headers = headers
        self._ended = False

    def ring(self) -> None:
        """Answer 180, or 183 with something to hear."""
        early = self._phone.play_early()
        self._send(m.Ring(call=self._call, rtp_port=self._phone.rtp_port, early_media=early))

    def answer(self) -> None:
        """Answer 200."""
        self._phone.early_over()
        self._send(m.Answer(call=self._call, rtp_port=self._phone.rtp_port))

    def dial(self) -> None:
        """Send the INVITE that was ordered."""
        if self._order is not None:
            self._books.dials(self._clock())
            self._send(
                m.PlaceCall(
                    call=self._call,
                    uri=self._order.uri,
                    rtp_port=self._phone.rtp_port,
                    trunk=self._order.trunk,
                    vouched=self._order.vouched,
                )
            )

    def reject(self) -> None:
        """Answer 503 with Retry-After, so that the PBX takes its next route."""
        reason = self._books.sentence()
        self._send(m.Reject(call=self._call, status=503, reason=reason, retry_after=RETRY_AFTER))

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send a key as SIP INFO."""
        self._send(m.SendInfoDigit(call=self._call, digit=m.Secret(digit), duration_ms=duration_ms))

    def hold(self, *, on: bool) -> None:
        """Put the caller's side on hold, or take it back; `HoldAnswered` follows."""
        self._send(m.Hold(call=self._call, on=on))

    def hang_up(self) -> None:
        """End the dialog in the way its state asks for."""
        self._send(m.HangUp(call=self._call, reason=self._books.sentence(), headers=self._headers()))

    def ended(self, message: m.CallEnded) -> None:
        """The SIP process says that the dialog is over."""
        self._ended = True
        self._books.dialog_ended(message)

    def tell_who_ordered(self) -> None:
        """Whoever ordered the call waits for its end, also when there is no dialog to tell of it."""
        if self._order is not None and not self._ended:
            reason = self._books.record.reason or self._books.sentence()
            self._send(m.CallEnded(call=self._call, by="failure", status=503, reason=reason))
