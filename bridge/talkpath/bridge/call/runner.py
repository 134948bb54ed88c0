"""The performer of one call: turns what happens into events, asks the table, performs its effects.

Everything a call holds is taken in one place (`CallRunner.start`) and given back in one place
(`_finish`): the lane, the RTP port, the model session with its socket and tasks, the timers.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from talkpath.bridge.call.abilities.collect_digits import CollectDigits
from talkpath.bridge.call.abilities.of_agent import abilities_of
from talkpath.bridge.call.abilities.send_dtmf import SendDtmf
from talkpath.bridge.call.caller_hold import CallerHold, OperatorHold
from talkpath.bridge.call.keypad import Keypad
from talkpath.bridge.call.last_words import LastWords
from talkpath.bridge.call.machine import Effect, Event, State
from talkpath.bridge.call.model_line import ModelLine
from talkpath.bridge.call.model_reports import ModelReports
from talkpath.bridge.call.opening import Opening
from talkpath.bridge.call.operator import Operator
from talkpath.bridge.call.patience import Patience
from talkpath.bridge.call.peer import Peer
from talkpath.bridge.call.phone_leg import UnusableMediaError
from talkpath.bridge.call.recording import CallRecording
from talkpath.bridge.call.screening.screen import screening_of
from talkpath.bridge.call.sent_headers import sent_headers
from talkpath.bridge.call.sentences import LIMIT_SENTENCE, PRESENCE_SENTENCE, SILENCE_SENTENCE
from talkpath.bridge.call.sip_leg import SipLeg
from talkpath.bridge.call.sounds import fallback_sound
from talkpath.bridge.call.transfer_desk import TransferDesk
from talkpath.bridge.call.transfer_terms import Lent
from talkpath.bridge.config.by_trunk import dtmf_mode
from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.media import lane as media
from talkpath.bridge.media.ports import NoFreePort
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.services import Services
    from talkpath.bridge.observe.call_record import CallRecord, Cause
    from talkpath.bridge.realtime.tools import CallContext


class CallRunner(ModelReports):
    """One call, inbound or outbound, from its first message to its record.

    Args:
        call: Our id of the call.
        agent: Name of the agent that answers.
        services: What the worker lends.
        record: The record to fill.
        context: What the agent's tools may know about the call.
        order: For an outbound call: what to dial once the model is ready.
        ipv6: Our SDP names an IPv6 address.
        peer: Who calls, for a transfer to the numbers that are there.
    """

    def __init__(
        self,
        call: str,
        agent: str,
        services: Services,
        record: CallRecord,
        *,
        context: CallContext,
        order: m.Originate | None = None,
        ipv6: bool = False,
        peer: Peer | None = None,
    ) -> None:
        super().__init__(call, agent, State.PREPARING if order else State.OFFERED, services, record)
        self._own = services.config.agents[agent]
        self._order = order
        self._ipv6 = ipv6
        self._confirmed = False
        headers = functools.partial(sent_headers, self._own.send_headers, context)
        self._sip = SipLeg(
            call,
            order,
            headers,
            phone=self._phone,
            books=self._books,
            send=services.send,
            clock=self._loop.time,
        )
        mode = dtmf_mode(services.config, record.trunk)
        self._keys = SendDtmf(mode, self._phone, self._sip.send_digit, self._timers)
        self._collector = CollectDigits(self._hush, lambda: self._phone.queued_seconds, self._timers)
        self._last_words = LastWords(self, self._timers)
        self._desk = TransferDesk(self, services.config, agent)
        self._recording = self._own_recording()
        self._line = self._line_to_agent(context)
        self._hold = CallerHold(services.config, record.trunk, self._sip, self._books, self._timers)
        self._operator_hold = OperatorHold(self._hold, self._phone, self._line)
        screening = screening_of(self, services.config, agent, self._line, self._books)
        self._opening = Opening(self._line, self._recording, screening)
        peer = peer or (Peer.of_order(order) if order else Peer())
        lent = (self._phone, self._line, self._timers, self._books, services, peer)
        self._desk.equip(Lent(call, agent, *lent, self._keys, self._hold, headers))
        self._patience = Patience(self, self._own, services.config.sip.rtp_timeout, self._line, self._timers)
        self._keypad = Keypad(
            self,
            self._books,
            self._desk,
            self._line,
            collector=self._collector,
            keys=self._keys,
            patience=self._patience,
        )
        self.operator = Operator(self, self._desk, self._line, self._keys)
        self._perform = self._effects()
        self._at_the_end = [
            self._sip.tell_who_ordered,
            self._recording.close,
            self._close_books,
            self._line.close,
            self._desk.close,
        ]

    def _own_recording(self) -> CallRecording:
        return CallRecording(
            self._own.recording,
            self._phone,
            self._services,
            self.record,
            log=self._log,
            run_in_loop=lambda action: self._loop.call_soon_threadsafe(self.guarded, action),
        )

    def _line_to_agent(self, context: CallContext) -> ModelLine:
        abilities = abilities_of(
            self._own,
            self.goodbye_asked,
            keys=self._keys,
            collector=self._collector,
            desk=self._desk,
            recording=self._recording,
        )
        return ModelLine(
            self.agent,
            self,
            self._services,
            context,
            abilities=abilities,
            timers=self._timers,
            tool_failed=self._books.tool_failed,
            comeback=self.record.comeback,
        )

    def _effects(self) -> dict[Effect, Callable[[], None]]:
        """What is done for each effect of the call's table."""
        return {
            Effect.RING: self._sip.ring,
            Effect.OPEN_SESSION: self._line.open,
            Effect.REOPEN_SESSION: self._line.reopen,
            Effect.CLOSE_SESSION: self._line.close,
            Effect.ANSWER: self._sip.answer,
            Effect.DIAL: self._sip.dial,
            Effect.REJECT_UNAVAILABLE: self._sip.reject,
            Effect.GREET: self._opening.greet,
            Effect.AWAIT_VOICE: self._opening.await_voice,
            Effect.LET_ANSWER: self._opening.let_answer,
            Effect.RESUME: self._opening.resume,
            Effect.COMFORT_SOUND_ON: functools.partial(self._instead, self._phone.comfort_on),
            Effect.COMFORT_SOUND_OFF: self._phone.comfort_off,
            Effect.SAY_LIMIT: functools.partial(self._say, LIMIT_SENTENCE),
            Effect.ASK_FOR_CALLER: functools.partial(self._say, PRESENCE_SENTENCE),
            Effect.SAY_SILENCE: functools.partial(self._say, SILENCE_SENTENCE),
            Effect.STAY: self._books.stays,
            Effect.TRANSFER: functools.partial(self._instead, self._desk.begin),
            Effect.HOLD_CALLER: functools.partial(self._instead, self._operator_hold.begin),
            Effect.TAKE_CALLER_BACK: self._operator_hold.end,
            Effect.TELL_RESUMED: functools.partial(self._recording.before_speech, self._operator_hold.tell),
            Effect.RESTORE_SESSION: self._line.restore,
            Effect.PLAY_FALLBACK: self._play_fallback,
            Effect.HANG_UP: self._sip.hang_up,
            Effect.FINISH: self._finish,
        }

    @property
    def lane(self) -> int:
        """The lane of the media plane; -1 before `start`."""
        return self._phone.lane

    def start(self) -> None:
        """Take a port and a lane, then begin.

        Raises:
            NoFreePort: every RTP port of this worker is taken; the call is over.
            NoFreeLane: every lane of this worker is taken; the call is over.
        """
        try:
            audio_format = endpoint(self._services.config, self.agent).audio
            self._phone.open(audio_format, ipv6=self._ipv6)
        except (NoFreePort, media.NoFreeLane):
            self.state = State.ENDED
            self._books.because("no_capacity")
            self._finish()
            raise
        self._line.lane = self._phone.lane
        if self._order is not None:
            self._phone.deafen()
        self._arm_timeout()
        self.happen(Event.ORDER if self._order else Event.OFFER)

    # What happens ---------------------------------------------------------------------------------

    def message(self, message: m.AnyMessage) -> None:
        """Take a message of the SIP process about this call."""
        match message:
            case m.MediaUpdated():
                self._patience.rtp_expected()  # a hold parks the watchdog; after it, it begins anew
                self._media_updated(message.media)
            case m.CallConfirmed():
                self._dialog_confirmed()
            case m.CallRinging():
                self._log.debug("ringing", status=message.status)
            case m.CallEnded():
                self._sip.ended(message)
                self._caller_ended(Event.DIALOG_ENDED)
            case m.CallDigit():
                self._keypad.digit(message.digit)
            case m.HoldAnswered():
                self._hold.answered(message)
            case m.InfoDigitAnswered():
                self._keys.info_answered(message.status)
            case m.PeerLost():
                self._caller_ended(Event.SIP_LOST)
            case m.ReferProgress():
                self._log.info("refer_progress", stage=message.stage, status=message.status)
                self._desk.reported(message)
            case _:
                self._log.error("unexpected_message", message=type(message).__name__)

    def _caller_ended(self, event: Event) -> None:
        if not self._desk.caller_ended(event):
            self.happen(event)

    def media_event(self, event: media.MediaEvent) -> None:
        """Take an event of the media plane about this call's lane."""
        leg = self._line.leg
        match event:
            case media.PlayoutStarted(_, item_id, _delay):
                self._line.audible = True
                self._books.agent_audible(self._loop.time())
                if leg is not None:
                    leg.playout_started(item_id)
            case media.PlayoutDrained(_, item_id):
                if leg is not None:
                    leg.playout_drained(item_id)
                else:
                    self.speech_may_be_over()
                self._patience.activity()
            case media.SoundFinished():
                self._recording.announced()
                self._last_words.announced()
                self._desk.sound_finished()
            case media.Digit() | media.DigitsSent():
                self._keypad.event(event)
            case media.RtpStopped(_, seconds):
                self._books.rtp_stopped(seconds)  # says why the caller may be silent
                self._patience.rtp_stopped(seconds)
            case media.RtpResumed():
                self._patience.rtp_expected()
                self._log.info("rtp_resumed")
            case media.Latched(_, address, port):
                self._books.latched(address, port)
            case media.PlayoutOverflow(_, dropped_ms):
                self._log.warning("playout_overflow", dropped_ms=dropped_ms)

    def append(self, audio: bytes) -> None:
        """Pass on 20 ms of the caller."""
        leg = self._line.leg
        if leg is not None:
            leg.append(audio)
        if self._opening.screening is not None:
            self._opening.hear(audio)

    def hang_up(self, cause: Cause) -> None:
        """End the call from our side: the operator, a drain, unusable media."""
        self._desk.end()
        self._books.because(cause)
        self.happen(Event.HANG_UP_ORDERED)

    def agent_talks(self) -> bool:
        """Whether the caller hears the agent, or will."""
        return self._line.busy or not self._phone.speechless

    # Effects --------------------------------------------------------------------------------------

    def _say(self, sentence: str) -> None:
        if not self._line.say(sentence):
            self.speech_may_be_over()

    def _instead(self, action: Callable[[], None]) -> None:
        self._recording.interrupted()  # one sound at a time
        action()

    def _play_fallback(self) -> None:
        self._recording.interrupted()
        samples = fallback_sound(self._own.fallback.announcement)
        self._hold.once_back(lambda: self._phone.announce(samples))

    # The dialog -----------------------------------------------------------------------------------

    def _media_updated(self, description: m.MediaDescription) -> None:
        try:
            self._phone.configure(description)
        except UnusableMediaError as problem:
            self._books.media_refused(str(problem))
            self.hang_up("sip_failure")
        else:
            self._books.media(description)

    def _hush(self) -> None:
        """Stop the agent: the caller enters something."""
        self._line.hush()

    def _dialog_confirmed(self) -> None:
        """The ACK came. Said once per dialog; a re-INVITE must not begin the call anew."""
        if self._confirmed:
            return
        self._confirmed = True
        self._books.answered(self._loop.time())
        self._phone.listen()
        self._patience.talk_begins()
        self.happen(Event.CONFIRMED)
        self._patience.activity()

    def _tell_sip_to_end(self) -> None:
        self._sip.hang_up()
