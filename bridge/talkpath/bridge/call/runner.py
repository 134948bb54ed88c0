"""The performer of one call: turns what happens into events, asks the table, performs its effects.

Everything a call holds is taken in one place (`CallRunner.start`) and given back in one place
(`_finish`): the lane, the RTP port, the model session with its socket and tasks, the timers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

import structlog

from talkpath.bridge.call.agent_session import session_settings
from talkpath.bridge.call.bookkeeping import Bookkeeping
from talkpath.bridge.call.machine import TIMEOUTS, Effect, Event, State, step
from talkpath.bridge.call.model_leg import ModelLeg
from talkpath.bridge.call.recovery import CALL_BUDGET, SETUP_BUDGET, Recovery
from talkpath.bridge.call.sounds import announcement, comfort_sound
from talkpath.bridge.config.model import endpoint
from talkpath.bridge.media import lane as media
from talkpath.bridge.realtime import effects as e
from talkpath.sip import messages as m

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from talkpath.bridge.call.services import Services
    from talkpath.bridge.observe.call_record import CallRecord, Cause
    from talkpath.bridge.realtime.tools import CallContext

log = structlog.get_logger(__name__)

RESUME_SENTENCE: Final = "Sorry, the line dropped for a moment. Please go on."
LIMIT_SENTENCE: Final = "I am sorry, our time is over. Thank you for calling, and goodbye."


class CallRunner:
    """One call, inbound or outbound, from its first message to its record.

    Args:
        call: Our id of the call.
        agent: Name of the agent that answers.
        services: What the worker lends.
        record: The record to fill.
        context: What the agent's tools may know about the call.
        order: For an outbound call: what to dial once the model is ready.
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
    ) -> None:
        self.call = call
        self.agent = agent
        self.state = State.PREPARING if order else State.OFFERED
        self.lane = -1
        self._own = services.config.agents[agent]
        self._services = services
        self._context = context
        self._order = order
        self._loop = asyncio.get_running_loop()
        self._log = log.bind(call=call, sip_call_id=record.sip_call_id, agent=agent)
        self._books = Bookkeeping(record, services.metrics, self._log, self._loop.time(), services.on_event)
        self._socket: socket.socket | None = None
        self._leg: ModelLeg | None = None
        self._history: Sequence[e.SeedMessage] = ()
        self._recovery = Recovery(SETUP_BUDGET)
        self._reopen_after = 0.0
        self._greeted = False
        self._caller_speaking = False
        self._expiring = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._perform: dict[Effect, Callable[[], None]] = {
            Effect.RING: self._ring,
            Effect.OPEN_SESSION: self._open_session,
            Effect.REOPEN_SESSION: self._reopen_session,
            Effect.CLOSE_SESSION: self._close_session,
            Effect.ANSWER: self._answer,
            Effect.DIAL: self._dial,
            Effect.REJECT_UNAVAILABLE: self._reject_unavailable,
            Effect.GREET: self._greet,
            Effect.RESUME: self._resume,
            Effect.COMFORT_SOUND_ON: self._comfort_sound_on,
            Effect.COMFORT_SOUND_OFF: self._comfort_sound_off,
            Effect.SAY_LIMIT: self._say_limit,
            Effect.PLAY_FALLBACK: self._play_fallback,
            Effect.HANG_UP: self._hang_up,
            Effect.FINISH: self._finish,
        }

    def start(self) -> None:
        """Take a port and a lane, then begin.

        Raises:
            NoFreePort: every RTP port of this worker is taken.
            NoFreeLane: every lane of this worker is taken.
        """
        now = self._loop.time()
        sock = self._services.ports.open(now)
        audio_format = endpoint(self._services.config, self.agent).audio
        try:
            self.lane = self._services.plane.open_lane(sock, audio_format, now)
        except media.NoFreeLane:
            self._services.ports.close(sock, now)
            raise
        self._socket = sock
        self.happen(Event.ORDER if self._order else Event.OFFER)

    # What happens ---------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        """Take one step of the table and perform its effects."""
        if self.state is State.ENDED:
            return
        before = self.state
        self.state, effects = step(before, event)
        self._log.debug("call_step", event_name=event.value, before=before.value, after=self.state.value)
        if self.state is not before:
            self._set_timer("state", TIMEOUTS.get(self.state), Event.TIMEOUT)
        for effect in effects:
            self._perform[effect]()

    def message(self, message: m.AnyMessage) -> None:
        """Take a message of the SIP process about this call."""
        match message:
            case m.MediaUpdated():
                self._configure_lane(message.media)
            case m.CallConfirmed():
                self._confirmed()
            case m.CallRinging():
                self._log.debug("ringing", status=message.status)
            case m.CallEnded():
                self._books.dialog_ended(message)
                self.happen(Event.DIALOG_ENDED)
            case m.CallDigit():
                self._digit(message.digit)
            case m.PeerLost():
                self._books.because("sip_process_lost")
                self.happen(Event.SIP_LOST)
            case _:
                self._log.error("unexpected_message", message=type(message).__name__)

    def media_event(self, event: media.MediaEvent) -> None:
        """Take an event of the media plane about this call's lane."""
        leg = self._leg
        match event:
            case media.PlayoutStarted(_, item_id, _delay):
                self._books.agent_audible(self._loop.time())
                if leg is not None:
                    leg.playout_started(item_id)
            case media.PlayoutDrained(_, item_id):
                if leg is not None:
                    leg.playout_drained(item_id)
                else:
                    self.speech_may_be_over()
                self._note_activity()
            case media.SoundFinished():
                self.speech_may_be_over()
            case media.Digit(_, digit, _duration):
                self._digit(digit)
            case media.RtpStopped(_, seconds):
                self._rtp_stopped(seconds)
            case media.RtpResumed():
                self._log.info("rtp_resumed")
            case media.Latched(_, address, port):
                self._books.latched(address, port)
            case media.PlayoutOverflow(_, dropped_ms):
                self._log.warning("playout_overflow", dropped_ms=dropped_ms)

    def append(self, audio: bytes) -> None:
        """Pass on 20 ms of the caller."""
        if self._leg is not None:
            self._leg.append(audio)

    def hang_up(self, cause: Cause) -> None:
        """End the call from our side: the operator, a drain, the watchdog."""
        self._books.because(cause)
        self.happen(Event.HANG_UP_ORDERED)

    def abandon(self) -> None:
        """The call's own code failed: tell SIP to end it and give everything back at once."""
        if self.state is not State.ENDED:
            self.state = State.ENDED
            self._books.because("internal_error")
            self._hang_up()
            self._finish()

    # What the model leg reports (ModelLegOwner) -----------------------------------------------------

    def model_ready(self) -> None:
        """The session is configured."""
        if self.state is State.RECOVERING:
            self._books.reconnected(successful=True)
        self._recovery.succeeded(CALL_BUDGET)
        self.happen(Event.MODEL_READY)

    def model_lost(self, *, retryable: bool, sentence: str) -> None:
        """The session ended or could not be had."""
        self._keep_history()
        self._leg = None
        self._books.model_problem(sentence)
        wait = self._recovery.next_delay(self._loop.time(), self._services.chance.random())
        if retryable and wait is not None:
            self._reopen_after = wait
            self.happen(Event.MODEL_LOST)
        else:
            if self.state is State.RECOVERING:
                self._books.reconnected(successful=False)
            self.happen(Event.MODEL_GONE)

    def goodbye_asked(self) -> None:
        """The model wants to hang up."""
        self._books.because("agent_hung_up")
        self.happen(Event.GOODBYE_ASKED)
        self.speech_may_be_over()

    def caller_spoke(self, stopped_after: float) -> None:
        """The caller interrupted what was being played."""
        self._books.flushed(stopped_after)
        self.happen(Event.CALLER_SPOKE)

    def agent_silent(self, sentence: str) -> None:
        """The model cannot be made to answer: better an announcement than dead air."""
        self._books.model_problem(sentence)
        self.happen(Event.MODEL_GONE)

    def session_effect(self, effect: e.Effect) -> None:
        """Record what is worth it."""
        self._books.session_effect(effect, self._loop.time())
        match effect:
            case e.CallerSpeaking(started, _, _):
                self._caller_speaking = started
                self._note_activity()
            case e.SessionExpiring():
                self._expiring = True
                self._roll_over_if_quiet()
            case _:
                pass

    def session_counted(self, counts: Mapping[str, int]) -> None:
        """Count what the session or its socket counted."""
        self._services.metrics.session_counts(counts)

    def speech_may_be_over(self) -> None:
        """Notice that the last words, or the announcement, have been played."""
        self._roll_over_if_quiet()
        if self.state not in {State.GOODBYE, State.FALLBACK}:
            return
        busy = self._leg is not None and self._leg.busy
        if not busy and self._services.plane.idle(self.lane):
            self.happen(Event.PLAYED_OUT)

    @property
    def _rtp_port(self) -> int:
        return cast("int", self._socket.getsockname()[1]) if self._socket is not None else 0

    # Effects: SIP ---------------------------------------------------------------------------------

    def _ring(self) -> None:
        self._services.send(m.Ring(call=self.call, rtp_port=self._rtp_port))

    def _answer(self) -> None:
        self._services.send(m.Answer(call=self.call, rtp_port=self._rtp_port))

    def _dial(self) -> None:
        if self._order is not None:
            order = m.PlaceCall(
                call=self.call, uri=self._order.uri, rtp_port=self._rtp_port, trunk=self._order.trunk
            )
            self._services.send(order)

    def _reject_unavailable(self) -> None:
        self._books.because("model_unavailable")
        reject = m.Reject(call=self.call, status=503, reason="the agent is not available", retry_after=10)
        self._services.send(reject)

    def _hang_up(self) -> None:
        self._services.send(m.HangUp(call=self.call, reason=self._books.sentence()))

    # Effects: the model ---------------------------------------------------------------------------

    def _open_session(self) -> None:
        services = self._services
        registry = services.tools[self.agent]
        self._leg = ModelLeg(
            session_settings(services.config, self.agent, registry.definitions()),
            services.plane,
            self.lane,
            lambda name, arguments: services.tool_runner.run(registry, name, arguments, self._context),
            self,
            tls=services.tls[self.agent],
            background=services.background,
            open_timeout=services.connect_timeout,
        )
        self._leg.open(self._history)

    def _reopen_session(self) -> None:
        self._set_timer_call("reopen", self._reopen_after, self._open_session)

    def _close_session(self) -> None:
        self._keep_history()
        self._cancel_timer("reopen")
        leg, self._leg = self._leg, None
        if leg is not None:
            leg.close()

    def _roll_over_if_quiet(self) -> None:
        """Change to a fresh session before the old one expires, when nobody speaks.

        What the caller says meanwhile waits in the new leg. Should it fail, the call recovers as from any
        other loss.
        """
        leg = self._leg
        quiet = leg is not None and not leg.busy and not self._caller_speaking
        if self._expiring and quiet and self.state is State.TALKING:
            self._expiring = False
            self._log.info("session_rolled_over")
            self._close_session()
            self._open_session()

    def _keep_history(self) -> None:
        if self._leg is not None:
            self._history = self._leg.session.history()

    def _greet(self) -> None:
        if self._leg is not None and not self._greeted:
            self._greeted = True
            self._leg.greet()

    def _resume(self) -> None:
        if self._leg is not None:
            self._leg.say(RESUME_SENTENCE)

    def _say_limit(self) -> None:
        self._books.because("time_limit")
        if self._leg is not None:
            self._leg.say(LIMIT_SENTENCE)

    # Effects: sound -------------------------------------------------------------------------------

    def _comfort_sound_on(self) -> None:
        self._services.plane.play_sound(self.lane, comfort_sound(), loop=True, now=self._loop.time())

    def _comfort_sound_off(self) -> None:
        self._services.plane.stop_sound(self.lane)

    def _play_fallback(self) -> None:
        self._books.because("model_lost")
        sound = announcement(self._own.fallback.announcement)
        self._services.plane.play_sound(self.lane, sound, loop=False, now=self._loop.time())

    # Media ----------------------------------------------------------------------------------------

    def _configure_lane(self, description: m.MediaDescription) -> None:
        if description.codec not in {"PCMU", "PCMA"}:
            self._log.error("codec_not_supported", codec=description.codec)
            self.hang_up("internal_error")
            return
        lane_media = media.LaneMedia(
            codec="PCMU" if description.codec == "PCMU" else "PCMA",
            payload_type=description.payload_type,
            remote_address=description.remote_address,
            remote_port=description.remote_port,
            dtmf_payload_type=description.dtmf_payload_type,
            sends=description.sends,
            receives=description.receives,
            packet_time=description.packet_time,
        )
        self._books.media(description)
        self._services.plane.configure_lane(self.lane, lane_media, self._loop.time())

    def _rtp_stopped(self, seconds: float) -> None:
        remote, advertised = self._books.remote_rtp, self._books.advertised_rtp
        self._log.warning(
            "no_rtp",
            problem=f"no RTP from {remote} for {seconds:.0f} s: our SDP advertised {advertised}; "
            "if the caller cannot reach that address, set sip.advertised_address or open the firewall",
        )

    def _digit(self, digit: str) -> None:
        self._books.record.digits += 1
        if self._leg is not None:
            self._leg.digits(digit)

    def _confirmed(self) -> None:
        self._books.answered(self._loop.time())
        self._set_timer("duration", self._own.max_duration, Event.LIMIT_REACHED)
        self._note_activity()
        self.happen(Event.CONFIRMED)

    def _note_activity(self) -> None:
        if self._own.silence_timeout is not None and self.state is State.TALKING:
            self._set_timer("silence", self._own.silence_timeout, Event.LIMIT_REACHED)

    # Timers and the end ---------------------------------------------------------------------------

    def _set_timer(self, name: str, seconds: float | None, event: Event) -> None:
        self._cancel_timer(name)
        if seconds is not None:
            self._set_timer_call(name, seconds, lambda: self.happen(event))

    def _set_timer_call(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        self._cancel_timer(name)
        self._timers[name] = self._loop.call_later(seconds, action)

    def _cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _finish(self) -> None:
        for name in list(self._timers):
            self._cancel_timer(name)
        self._close_session()
        now = self._loop.time()
        if self._socket is not None:
            self._books.statistics(self._services.plane.close_lane(self.lane))
            self._services.ports.close(self._socket, now)
            self._socket = None
        self._services.finished(self.call, self._books.ended(now))
