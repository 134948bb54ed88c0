"""The transfers of one call, one after the other: what they mean to the call, and the call to them."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from talkpath.bridge.call.abilities.transfer_call import TransferCall
from talkpath.bridge.call.machine import IN_CONVERSATION
from talkpath.bridge.call.machine import Event as CallEvent
from talkpath.bridge.call.machine import State as CallState
from talkpath.bridge.call.transfer_order import Denial, selection_for
from talkpath.bridge.call.transfer_runner import TransferRunner
from talkpath.bridge.config.transfer import TransferConfig
from talkpath.bridge.transfer.account import Account
from talkpath.bridge.transfer.briefing import Subject
from talkpath.bridge.transfer.reasons import refer_event
from talkpath.bridge.transfer.targets import Refusal, Selection, select
from talkpath.bridge.transfer.tool import told
from talkpath.bridge.transfer.vocabulary import Event, Reason, State
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from talkpath.bridge.call.abilities.ability import Ability
    from talkpath.bridge.call.transfer_order import TransferOrder
    from talkpath.bridge.call.transfer_terms import Lent
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.observe.call_record import Cause
    from talkpath.bridge.transfer.tool import TransferRequest


KEPT: Final = "transfer_kept"
"""Name of a timer."""
CALLER_COMES_BACK: Final = 5.0
"""Seconds within which voice packets come again from a caller whom the peer has given back."""
_NOT_NOW: Final = {
    Reason.ALREADY: "A transfer of this call is under way.",
    Reason.STOPPING: "The call can be transferred only while the agent has the caller.",
}


class _Wanted(NamedTuple):
    """A transfer that was asked for and begins with the next step of the call."""

    selection: Selection
    subject: Subject
    settings: TransferConfig


class TransferringCall(Protocol):
    """The call."""

    state: CallState

    def happen(self, event: CallEvent) -> None:
        """Take one step of the call's table."""

    def hang_up(self, cause: Cause) -> None:
        """End the call from our side."""

    def agent_talks(self) -> bool:
        """Whether the caller hears the agent, or will."""

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""


class TransferDesk:
    """Hands the caller over, at most to one human at a time.

    Args:
        call: The call.
        config: The configuration.
        agent: Name of the agent.
    """

    def __init__(self, call: TransferringCall, config: Config, agent: str) -> None:
        self._call = call
        self._config = config
        self._own = config.agents[agent].transfer
        self._lent: Lent | None = None
        self._wanted: _Wanted | None = None
        self._active: TransferRunner | None = None
        self._count = 0
        self._pending_report: Account | None = None
        """Of the last transfer by REFER that came back: its success may still be told."""
        self._caller_end = CallEvent.DIALOG_ENDED
        self._closing = False

    def equip(self, lent: Lent) -> None:
        """Take what the call lends; before anything else happens."""
        self._lent = lent

    def abilities(self) -> Iterator[Ability]:
        """The tool, if the agent may transfer to anybody."""
        if self._own is not None:
            allowed = [target for target in self._config.targets if target.name in self._own.targets]
            if allowed:
                yield TransferCall(allowed, self)

    # The tool (Transferring) ----------------------------------------------------------------------

    def transfer(self, request: TransferRequest) -> str | None:
        """Begin a transfer, or say to the model why there is none."""
        lent = self._lent
        refusal = self._in_the_way(IN_CONVERSATION)
        if lent is None or self._own is None or refusal is not None:
            return told(refusal or Reason.STOPPING, request.target, was_held=False)
        now = lent.services.wall_clock()
        ourselves = lent.peer.ourselves(self._config)
        found = select(self._config.targets, self._own.targets, request.target, now, ourselves)
        if isinstance(found, Refusal):
            account = Account(found.target, self._subject(request.reason, request.summary, lent))
            account.over("refused", found.reason)
            lent.books.transfers.ended(account.told)
            return told(found.reason, found.target, was_held=False)
        self._want(found, self._subject(request.reason, request.summary, lent), self._own)
        return None

    # The operator (Transferring) ------------------------------------------------------------------

    def order(self, order: TransferOrder) -> Denial | None:
        """Begin a transfer, or say to the operator why there is none."""
        lent, problem = self._lent, self._in_the_way(IN_CONVERSATION | {CallState.HELD})
        if lent is None or problem is not None:
            return Denial("not_now", _NOT_NOW[problem or Reason.STOPPING])
        found = selection_for(order, self._config, lent.peer, lent.services.wall_clock())
        if isinstance(found, Denial):
            return found
        subject = replace(self._subject(order.reason, order.summary, lent), ordered=True)
        self._want(found, subject, self._own or TransferConfig(targets=("any",)))
        return None

    def _subject(self, reason: str, summary: str, lent: Lent) -> Subject:
        record = lent.books.record
        caller = record.caller if record.direction == "inbound" else record.called
        return Subject(reason, summary, caller, lent.line.history())

    def _want(self, selection: Selection, subject: Subject, settings: TransferConfig) -> None:
        self._wanted = _Wanted(selection, subject, settings)
        self._call.happen(CallEvent.TRANSFER_ASKED)

    def _in_the_way(self, states: Container[CallState]) -> Reason | None:
        if self._active is not None or self._wanted is not None:
            return Reason.ALREADY
        return None if self._call.state in states else Reason.STOPPING

    # From the call --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin the transfer that was asked for."""
        if self._lent is None or self._wanted is None:
            return
        wanted, self._wanted = self._wanted, None
        self._count += 1
        self._pending_report = None
        self._active = TransferRunner(*wanted, self._lent, self, number=self._count)
        self._active.begin()

    def caller_ended(self, event: CallEvent) -> bool:
        """The caller's dialog ended, or the SIP process died; False: no transfer is concerned.

        A peer that joins two calls ends both: the transfer waits for the other one before it judges.
        """
        if self._active is None:
            return False
        self._caller_end = event
        lost = event is CallEvent.SIP_LOST
        self._active.happen(Event.SIP_LOST if lost else Event.CALLER_HUNG_UP)
        return True

    def end(self) -> None:
        """The call is to be ended by us: end the transfer, if there is one."""
        if self._active is not None:
            self._closing = True
            self._active.happen(Event.HANG_UP_ORDERED)

    def agent(self, event: Event) -> None:
        """The agent's session came, or went."""
        if self._active is not None:
            self._active.happen(event)

    def caller_digit(self, digit: str) -> None:
        """The caller pressed a key during a transfer."""
        if self._active is not None:
            self._active.caller_digit(digit)

    def speech_may_be_over(self) -> None:
        """Something ended that the agent had to say."""
        if self._active is not None:
            self._active.speech_may_be_over()

    def sound_finished(self) -> None:
        """A sound on the caller's lane was played to its end."""
        if self._active is not None:
            self._active.sound_finished()

    def reported(self, progress: m.ReferProgress) -> None:
        """The peer tells what became of a REFER; a success counts, however late it is told."""
        if self._active is not None:
            self._active.reported(progress)
        elif self._pending_report and self._lent is not None and refer_event(progress) is Event.REFER_DONE:
            account, self._pending_report = self._pending_report, None
            account.succeeded_late()
            self._lent.books.transfers.succeeded_late()
            self._lent.books.transfers.ended(account.told)
            self._lent.services.send(m.HandoverEnded(call=self._lent.call, end="taken"))
            self._call.happen(CallEvent.TRANSFERRED)

    def close(self) -> None:
        """The call is over: give back what a transfer still holds."""
        active, self._active = self._active, None
        if active is not None:
            active.abandon()

    # What the transfer reports (TransferOwner) ----------------------------------------------------

    def agent_talks(self) -> bool:
        """Whether the caller hears the agent, or will."""
        return self._call.agent_talks()

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""
        self._call.guarded(action)

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""
        self._call.broke(error)

    def transfer_over(self, state: State, *, hang_up: bool) -> None:
        """The transfer has ended: the call goes on, or ends."""
        ended, self._active = self._active, None
        lent = self._lent
        if lent is None or ended is None:
            return
        if state is State.RETURNED:
            self._pending_report = ended.account if ended.referred else None
            self._call.happen(CallEvent.TRANSFER_RETURNED)
            if ended.caller_may_be_kept:
                lent.timers.set(KEPT, CALLER_COMES_BACK, functools.partial(self._look_for_caller, lent))
            if not self._closing and not lent.line.alive:
                self._call.happen(CallEvent.MODEL_GONE)
            return
        if state is State.TRANSFERRED:
            lent.books.because("transferred")
        self._call.happen(CallEvent.TRANSFERRED if hang_up else self._caller_end)

    def _look_for_caller(self, lent: Lent) -> None:
        """End a call that the peer has emptied: the agent would talk to nobody."""
        silent = lent.phone.silent_seconds >= CALLER_COMES_BACK
        if not silent:
            lent.services.send(m.HandoverEnded(call=lent.call, end="back"))
        elif self._call.state in IN_CONVERSATION:
            lent.books.transfers.caller_kept()
            self._call.hang_up("no_media")
