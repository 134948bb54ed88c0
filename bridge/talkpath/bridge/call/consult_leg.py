"""The second leg of a transfer: our call to the human, with a dialog, a port and a lane of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from talkpath.bridge.call.abilities.send_dtmf import SendDtmf
from talkpath.bridge.call.key_relay import KeyRelay
from talkpath.bridge.call.phone_leg import PhoneLeg, UnusableMediaError
from talkpath.bridge.call.timers import CallTimers
from talkpath.bridge.config.by_trunk import dtmf_mode
from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.media import lane as media
from talkpath.bridge.transfer.reasons import consult_end
from talkpath.bridge.transfer.vocabulary import Event
from talkpath.sip import messages as m
from talkpath.sip.addresses import is_ipv6
from talkpath.sip.headers import uri_host

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from talkpath.bridge.call.services import Services


class ConsultOwner(Protocol):
    """What the transfer wants to know about its second leg."""

    def consult_event(self, event: Event, status: int = 0) -> None:
        """Something happened to the leg."""

    def consult_digit(self, digit: str) -> None:
        """The human pressed a key."""

    def consult_audio(self, audio: bytes) -> None:
        """20 ms of what the human says."""

    def consult_media(self, event: media.MediaEvent) -> None:
        """Another event of its lane."""

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""


class ConsultLeg:
    """From `dial` to `close`; it reports nothing after that.

    Args:
        call: Our id of its dialog.
        agent: Whose audio format the briefing has.
        services: What the worker lends.
        owner: The transfer.
        loop: Its clock is the plane's.
    """

    def __init__(
        self,
        call: str,
        agent: str,
        services: Services,
        owner: ConsultOwner,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.call = call
        self._services = services
        self._owner = owner
        self._phone = PhoneLeg(services.plane, services.ports, loop)
        self._timers = CallTimers(loop, self.guarded)
        self._keys: SendDtmf | None = None
        self._relay: KeyRelay | None = None
        self._format = endpoint(services.config, agent).audio
        self._dialog = self._answered = self._closed = False

    @property
    def lane(self) -> int:
        """The lane of the media plane; -1 before `dial`."""
        return self._phone.lane

    def dial(self, uri: str, trunk: str, ring_timeout: float, headers: tuple[m.Header, ...]) -> None:
        """Take a port and a lane, and send the INVITE.

        Raises:
            NoFreePort: every RTP port of this worker is taken.
            NoFreeLane: every lane of this worker is taken.
        """
        self._phone.open(self._format, ipv6=is_ipv6(uri_host(uri)))
        mode = dtmf_mode(self._services.config, trunk)
        self._keys = SendDtmf(mode, self._phone, self._send_info, self._timers)
        self._relay = KeyRelay(self._keys)
        self._phone.deafen()
        self._services.attach(self.call, self)
        self._dialog = True
        self._services.send(
            m.PlaceCall(
                call=self.call,
                uri=uri,
                rtp_port=self._phone.rtp_port,
                trunk=trunk,
                ring_timeout=ring_timeout,
                headers=headers,
                vouched=True,  # a target of the configuration, whatever the model said
            )
        )

    def listen(self) -> None:
        """Let the briefing hear the human."""
        self._phone.listen()

    def relay(self, digit: str) -> None:
        """Pass a key of the caller's on to the human."""
        if self._relay is not None:
            self._relay.take(digit)

    def _send_info(self, digit: str, duration_ms: int) -> None:
        self._services.send(m.SendInfoDigit(call=self.call, digit=m.Secret(digit), duration_ms=duration_ms))

    def close(self, reason: str) -> None:
        """CANCEL or BYE, unless the dialog is over; give lane and port back. Again: nothing happens."""
        if self._closed:
            return
        self._closed = True
        if self._dialog:
            self._dialog = False
            self._services.send(m.HangUp(call=self.call, reason=reason))
        self._timers.cancel_all()
        self._services.detach(self.call)
        self._phone.close()

    # Participant ----------------------------------------------------------------------------------

    def message(self, message: m.AnyMessage) -> None:
        """Take a message of the SIP process about this dialog."""
        match message:
            case m.MediaUpdated():
                self._media_updated(message.media)
            case m.CallRinging():
                self._owner.consult_event(Event.TARGET_RINGING)
            case m.CallConfirmed() if not self._answered:
                self._answered = True
                self._owner.consult_event(Event.ANSWERED)
            case m.CallDigit():
                self._owner.consult_digit(message.digit)
            case m.InfoDigitAnswered() if self._keys is not None:
                self._keys.info_answered(message.status)
            case m.CallEnded():
                self._dialog = False
                self._owner.consult_event(consult_end(message.status), message.status)
            case m.PeerLost():
                self._dialog = False
                self._owner.consult_event(Event.UNREACHABLE)
            case _:
                pass  # a re-INVITE's ACK, a report about a hold: of no interest here

    def media_event(self, event: media.MediaEvent) -> None:
        """Take an event of the media plane about this lane."""
        match event:
            case media.Digit():
                self._owner.consult_digit(event.digit)
            case media.DigitsSent() if self._keys is not None:
                self._keys.events_sent(complete=event.complete)
            case _:
                self._owner.consult_media(event)

    def append(self, audio: bytes) -> None:
        """Pass on 20 ms of the human."""
        self._owner.consult_audio(audio)

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""
        self._owner.guarded(action)

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""
        self._owner.broke(error)

    def _media_updated(self, description: m.MediaDescription) -> None:
        try:
            self._phone.configure(description)
        except UnusableMediaError:
            self._owner.consult_event(Event.UNREACHABLE)
