"""The performer of one transfer: turns what happens into events, asks the table, performs its effects.

The call (`talkpath.bridge.call.runner`) lends its telephone, its line to the agent and its timers; the
consult leg and the briefing session belong to the transfer, and are given back on every way out.
"""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.call.briefing_session import BriefingSession
from talkpath.bridge.call.consult_leg import ConsultLeg
from talkpath.bridge.call.giving_away import GivingAway
from talkpath.bridge.call.key_relay import KeyRelay
from talkpath.bridge.call.sounds import fallback_sound
from talkpath.bridge.call.transfer_order import ORDERED_NUMBER, asked_by_operator
from talkpath.bridge.media import lane as media
from talkpath.bridge.media.ports import NoFreePort
from talkpath.bridge.transfer.account import Account
from talkpath.bridge.transfer.briefing import briefing
from talkpath.bridge.transfer.course import Transfer
from talkpath.bridge.transfer.reasons import refer_event
from talkpath.bridge.transfer.summary_headers import headers
from talkpath.bridge.transfer.tool import told
from talkpath.bridge.transfer.vocabulary import Effect, Event, State
from talkpath.sip import messages as m
from talkpath.sip.refer import ReferError

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.transfer_terms import Lent, TransferOwner
    from talkpath.bridge.config.transfer import TransferConfig
    from talkpath.bridge.transfer.briefing import Subject
    from talkpath.bridge.transfer.targets import Attempt, Selection

log = structlog.get_logger(__name__)

DEADLINE: Final = "transfer"
SILENT_HUMAN: Final = "transfer_rtp"
"""Names of timers."""
NOT_A_PACKET: Final = 0.1
"""Seconds without a voice packet, where they came every 20 ms, that are no jitter."""


class TransferRunner:
    """One transfer, from `begin` until it reports that it is over.

    Args:
        selection: What is to be tried.
        subject: What is known about the call.
        settings: The agent's.
        lent: What the call lends.
        owner: The call.
        number: Of this transfer within the call, so that the ids of its legs are new.
    """

    def __init__(
        self,
        selection: Selection,
        subject: Subject,
        settings: TransferConfig,
        lent: Lent,
        owner: TransferOwner,
        *,
        number: int,
    ) -> None:
        nameless = ORDERED_NUMBER if selection.target == ORDERED_NUMBER else None
        account = Account(selection.target, subject, nameless)
        self._course = Transfer(selection, account, briefing_timeout=settings.briefing_timeout)
        self._subject = subject
        self._settings = settings
        self._lent = lent
        self._owner = owner
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._consult: ConsultLeg | None = None
        self._briefing: BriefingSession | None = None
        self._message = ""
        self._legs = 0
        self._referred = self._hang_up = self._restoring = False
        self._given_away = False
        self._giving = GivingAway(subject, lent, settings.remember_caller)
        self._to_caller = KeyRelay(lent.keys)
        self._events: collections.deque[tuple[Event, int]] = collections.deque()
        self._stepping = False
        phone, line = lent.phone, lent.line
        self._perform: dict[Effect, Callable[[], None]] = {
            Effect.MUTE: phone.mute,
            Effect.UNMUTE: phone.listen,
            Effect.DRAIN_SPEECH: self.speech_may_be_over,
            Effect.SILENCE_AGENT: line.silence,
            Effect.COMFORT_ON: phone.comfort_on,
            Effect.COMFORT_OFF: phone.comfort_off,
            Effect.HOLD_CALLER: lent.hold.begin,
            Effect.TAKE_CALLER_BACK: lent.hold.end,
            Effect.CHOOSE: self._choose,
            Effect.PLAY_ANNOUNCEMENT: self._announce,
            Effect.STOP_ANNOUNCEMENT: self._stop_announcement,
            Effect.DIAL: self._dial,
            Effect.END_CONSULT: self._end_consult,
            Effect.OPEN_BRIEFING: self._open_briefing,
            Effect.SPEAK_BRIEFING: self._speak_briefing,
            Effect.CLOSE_BRIEFING: self._close_briefing,
            Effect.REFER: self._refer,
            Effect.REFER_REPLACES: self._refer_replaces,
            Effect.BRIDGE: self._bridge,
            Effect.UNBRIDGE: self._unbridge,
            Effect.CLOSE_AGENT: line.close,
            Effect.HANG_UP_CALLER: self._ask_to_hang_up,
            Effect.RESTORE_AGENT: self._restore_agent,
            Effect.TELL_AGENT: self._tell_agent,
            Effect.REFUSE_SECOND: lambda: None,  # the tool has had its answer
        }

    @property
    def over(self) -> bool:
        """Whether the transfer has ended."""
        return self._course.over

    @property
    def account(self) -> Account:
        """What is told about it."""
        return self._course.account

    @property
    def referred(self) -> bool:
        """Whether the peer was asked to do something: its report may come late."""
        return self._referred

    @property
    def caller_may_be_kept(self) -> bool:
        """Whether the peer may have taken the caller away, and not have given them back.

        A PBX may carry out a REFER before it knows whether it succeeds. Our dialog stays, and is empty.
        """
        return self._given_away and self._lent.phone.silent_seconds > NOT_A_PACKET

    def begin(self) -> None:
        """Mute the caller, and take the first step."""
        self.happen(Event.BEGIN)

    # What happens ---------------------------------------------------------------------------------

    def happen(self, event: Event, status: int = 0) -> None:
        """Take one step of the table and perform its effects; what these bring waits until they are done."""
        self._events.append((event, status))
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events and not self.over:
                self._step(*self._events.popleft())
        finally:
            self._stepping = False
            self._events.clear()

    def _step(self, event: Event, status: int) -> None:
        before = self._course.state
        effects = self._course.happen(event, status)
        state = self._course.state
        if state is not before:
            self._lent.books.transfers.step(self._course.account.told, state.value, event.value)
            self._arm()
        for effect in effects:
            self._perform[effect]()
        if self.over:
            late = self._referred and state is State.RETURNED
            self._lent.books.transfers.ended(self.account.told, preliminary=late)
            self._giving.end(self._course, kept=self.caller_may_be_kept)
            self._owner.transfer_over(state, hang_up=self._hang_up)

    def _arm(self) -> None:
        seconds = None if self.over else self._course.timeout
        if seconds is None:
            self._lent.timers.cancel(DEADLINE)
        else:
            self._lent.timers.set(DEADLINE, seconds, lambda: self.happen(Event.TIMEOUT))

    def speech_may_be_over(self) -> None:
        """Go on when the agent's last words are out."""
        if self._course.state is State.DRAINING_SPEECH and not self._owner.agent_talks():
            self.happen(Event.SPEECH_DRAINED)

    def sound_finished(self) -> None:
        """A sound on the caller's lane was played to its end."""
        if self._course.state is State.ANNOUNCING:
            self.happen(Event.SOUND_FINISHED)

    def reported(self, progress: m.ReferProgress) -> None:
        """The peer tells what became of our REFER, or of one that an earlier transfer has sent."""
        event = refer_event(progress)
        if event is Event.REFER_REFUSED:
            self._giving.refused()
        if self._referred or event is Event.REFER_DONE:
            self.happen(event, progress.status)

    def abandon(self) -> None:
        """Give back what is held, and take no more steps: the call is ending in a way of its own."""
        self._lent.timers.cancel(DEADLINE)
        self._giving.end(self._course, kept=True)
        self._close_briefing()
        self._end_consult()

    # The second leg (ConsultOwner) ----------------------------------------------------------------

    def consult_event(self, event: Event, status: int = 0) -> None:
        """Something happened to the consult leg."""
        self.happen(event, status)

    def consult_digit(self, digit: str) -> None:
        """The human pressed a key."""
        if self._course.state is State.BRIDGED:
            self._to_caller.take(digit)
        if self._course.state is not State.BRIEFING:
            return
        if digit == self._settings.accept_key:
            self.happen(Event.ACCEPTED)
        elif digit == self._settings.decline_key:
            self.happen(Event.DECLINED)

    def caller_digit(self, digit: str) -> None:
        """The caller pressed a key: it is for the human, as soon as they are joined by us."""
        if self._course.state is State.BRIDGED and self._consult is not None:
            self._consult.relay(digit)

    def consult_audio(self, audio: bytes) -> None:
        """Pass on 20 ms of the human."""
        if self._briefing is not None:
            self._briefing.append(audio)

    def consult_media(self, event: media.MediaEvent) -> None:
        """Another event of the human's lane."""
        match event:
            case media.RtpStopped(_, seconds):
                limit = self._lent.services.config.sip.rtp_timeout
                if limit:
                    wait = max(limit - seconds, 0.0)
                    self._lent.timers.set(SILENT_HUMAN, wait, lambda: self.happen(Event.UNREACHABLE))
            case media.RtpResumed():
                self._lent.timers.cancel(SILENT_HUMAN)
            case _ if self._briefing is not None:
                self._briefing.media_event(event)
            case _:
                pass

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""
        self._owner.guarded(action)

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""
        self._owner.broke(error)

    # The briefing (BriefingOwner) -----------------------------------------------------------------

    def briefing_event(self, event: Event, message: str = "") -> None:
        """The briefing is ready, has failed, or the human has decided."""
        self._message = message or self._message
        self.happen(event)

    # Effects --------------------------------------------------------------------------------------

    def _choose(self) -> None:
        self._message = ""
        self.happen(self._course.choose())

    def _announce(self) -> None:
        attempt = self._course.attempt
        samples = fallback_sound(attempt.announcement if attempt else None)
        self._lent.hold.once_back(lambda: self._lent.phone.announce(samples))

    def _stop_announcement(self) -> None:
        self._lent.hold.forget()
        self._lent.phone.comfort_off()

    def _attempt(self) -> Attempt:
        if self._course.attempt is None:
            raise ReferError("nothing was chosen")
        return self._course.attempt

    def _headers(self) -> tuple[m.Header, ...]:
        return headers(self._subject, self._settings)

    def _dial(self) -> None:
        lent = self._lent
        self._legs += 1
        call = f"{lent.call}-t{self._number}.{self._legs}"
        consult = ConsultLeg(call, lent.agent, lent.services, self, self._loop)
        try:
            attempt = self._attempt()
            uri, trunk = lent.peer.address(lent.services.config, attempt.uri, attempt.trunk)
            consult.dial(uri, trunk, attempt.ring_timeout, self._headers())
        except (ReferError, NoFreePort, media.NoFreeLane) as problem:
            self._cannot(problem)
            self.happen(Event.UNREACHABLE)
        else:
            self._consult = consult

    def _end_consult(self) -> None:
        self._lent.timers.cancel(SILENT_HUMAN)
        consult, self._consult = self._consult, None
        if consult is not None:
            consult.close(f"transfer {self._course.reason.value}".replace("_", " "))

    def _open_briefing(self) -> None:
        if self._consult is None:
            return
        words = briefing(
            self._subject,
            self._course.target,
            self._settings.share,
            keys=(self._settings.accept_key, self._settings.decline_key),
            extra=self._settings.briefing_instructions,
        )
        lent = self._lent
        self._consult.listen()
        self._briefing = BriefingSession(
            lent.agent, self._consult.lane, words, services=lent.services, books=lent.books, owner=self
        )
        self._briefing.open()

    def _speak_briefing(self) -> None:
        if self._briefing is not None:
            self._briefing.speak()

    def _close_briefing(self) -> None:
        session, self._briefing = self._briefing, None
        if session is not None:
            session.close()

    def _refer(self) -> None:
        try:
            uri = self._lent.peer.refer_to(self._lent.services.config, self._attempt().uri)
        except ReferError as problem:
            self._cannot(problem)
            self.happen(Event.REFER_FAILED)
        else:
            self._given_away = self._lent.phone.silent_seconds < NOT_A_PACKET
            self._giving.begin(self._course.target)
            self._ask_peer(refer_to=uri, headers=self._headers())

    def _refer_replaces(self) -> None:
        if self._consult is not None:
            self._ask_peer(replaces_call=self._consult.call)  # the human's INVITE had the headers

    def _ask_peer(
        self, *, refer_to: str = "", replaces_call: str = "", headers: tuple[m.Header, ...] = ()
    ) -> None:
        lent = self._lent
        self._referred = True
        lent.services.send(
            m.Refer(
                call=lent.call,
                refer_to=refer_to,
                replaces_call=replaces_call,
                referred_by=lent.peer.referrer(lent.services.config),
                headers=lent.headers(),
                new_call_headers=headers,
            )
        )

    def _bridge(self) -> None:
        lent = self._lent
        lent.line.silence()
        if self._consult is not None:
            lent.services.plane.join(lent.phone.lane, self._consult.lane)

    def _unbridge(self) -> None:
        self._lent.services.plane.part(self._lent.phone.lane)

    def _ask_to_hang_up(self) -> None:
        self._hang_up = True

    def _restore_agent(self) -> None:
        if self._lent.line.alive:
            self.happen(Event.AGENT_READY)
        elif self._restoring:
            self._lent.line.reopen()
        else:
            self._restoring = True
            self._lent.line.restore()

    def _tell_agent(self) -> None:
        line = self._lent.line
        line.unsilence()
        output = told(self._course.reason, self._course.target, self._message)
        line.tell(asked_by_operator(output) if self._subject.ordered else output)

    def _cannot(self, problem: Exception) -> None:
        log.warning(
            "transfer_attempt_impossible",
            call=self._lent.call,
            target=self._course.target,
            problem=str(problem),
        )
