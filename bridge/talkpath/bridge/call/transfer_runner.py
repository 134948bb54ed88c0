"""The performer of one transfer: turns what happens into events, asks the table, performs its effects.

The call (`talkpath.bridge.call.runner`) lends its telephone, its line to the agent and its timers. What a
transfer has of its own are a `Consultation` with the human, and the `Referral` of the caller to them.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.call.consultation import Consultation
from talkpath.bridge.call.referral import Referral
from talkpath.bridge.call.sounds import fallback_sound
from talkpath.bridge.call.transfer_order import ORDERED_NUMBER, asked_by_operator
from talkpath.bridge.media.lane import NoFreeLane
from talkpath.bridge.media.ports import NoFreePort
from talkpath.bridge.transfer.account import Account
from talkpath.bridge.transfer.course import Transfer
from talkpath.bridge.transfer.summary_headers import headers
from talkpath.bridge.transfer.tool import told
from talkpath.bridge.transfer.vocabulary import Effect, Event, State
from talkpath.sip.refer import ReferError

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.transfer_terms import Lent, TransferOwner
    from talkpath.bridge.config.transfer import TransferConfig
    from talkpath.bridge.transfer.briefing import Subject
    from talkpath.bridge.transfer.targets import Attempt, Selection
    from talkpath.sip import messages as m

log = structlog.get_logger(__name__)

DEADLINE: Final = "transfer"
"""Name of a timer."""


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
        self._human = Consultation(
            self._course, subject, settings, lent, owner, happen=self.happen, number=number
        )
        self._referral = Referral(subject, lent, settings.remember_caller)
        self._hang_up = self._restoring = False
        self._events: collections.deque[tuple[Event, int]] = collections.deque()
        self._stepping = False
        self._perform = self._effects()

    def _effects(self) -> dict[Effect, Callable[[], None]]:
        """What is done for each effect of the transfer's table."""
        lent, human = self._lent, self._human
        phone, line = lent.phone, lent.line
        return {
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
            Effect.END_CONSULT: human.end,
            Effect.OPEN_BRIEFING: human.open_briefing,
            Effect.SPEAK_BRIEFING: human.speak_briefing,
            Effect.CLOSE_BRIEFING: human.close_briefing,
            Effect.REFER: self._refer,
            Effect.REFER_REPLACES: self._refer_replaces,
            Effect.BRIDGE: human.bridge,
            Effect.UNBRIDGE: human.unbridge,
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
        return self._referral.sent

    @property
    def caller_may_be_kept(self) -> bool:
        """Whether the peer may have taken the caller away, and not have given them back."""
        return self._referral.caller_may_be_kept

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
            late = self.referred and state is State.RETURNED
            self._lent.books.transfers.ended(self.account.told, preliminary=late)
            self._referral.end(self._course, kept=self.caller_may_be_kept)
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
        event = self._referral.reported(progress)
        if event is not None:
            self.happen(event, progress.status)

    def caller_digit(self, digit: str) -> None:
        """The caller pressed a key: it is for the human, as soon as they are joined by us."""
        self._human.caller_digit(digit)

    def abandon(self) -> None:
        """Give back what is held, and take no more steps: the call is ending in a way of its own."""
        self._lent.timers.cancel(DEADLINE)
        self._referral.end(self._course, kept=True)
        self._human.close_briefing()
        self._human.end()

    # Effects --------------------------------------------------------------------------------------

    def _choose(self) -> None:
        self._human.message = ""
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
        try:
            self._human.dial(self._attempt(), self._headers())
        except (ReferError, NoFreePort, NoFreeLane) as problem:
            self._cannot(problem)
            self.happen(Event.UNREACHABLE)

    def _refer(self) -> None:
        try:
            self._referral.blind(self._attempt().uri, self._course.target, self._headers())
        except ReferError as problem:
            self._cannot(problem)
            self.happen(Event.REFER_FAILED)

    def _refer_replaces(self) -> None:
        if self._human.call:
            self._referral.attended(self._human.call)

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
        output = told(self._course.reason, self._course.target, self._human.message)
        line.tell(asked_by_operator(output) if self._subject.ordered else output)

    def _cannot(self, problem: Exception) -> None:
        log.warning(
            "transfer_attempt_impossible",
            call=self._lent.call,
            target=self._course.target,
            problem=str(problem),
        )
