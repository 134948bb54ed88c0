"""What the reports of its model are to a call: events of its table, and news for its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.lifecycle import CallLifecycle
from talkpath.bridge.call.machine import IN_CONVERSATION, Event, State
from talkpath.bridge.realtime import effects as e
from talkpath.bridge.transfer.vocabulary import Event as TransferEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from talkpath.bridge.call.abilities.collect_digits import CollectDigits
    from talkpath.bridge.call.last_words import LastWords
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.patience import Patience
    from talkpath.bridge.call.transfer_desk import TransferDesk


class ModelReports(CallLifecycle):
    """The side of a call that its model leg knows (`talkpath.bridge.call.model_leg.ModelLegOwner`)."""

    _line: ModelLine
    _desk: TransferDesk
    _patience: Patience
    _collector: CollectDigits
    _last_words: LastWords

    def model_ready(self) -> None:
        """The session is configured."""
        if self.state in {State.RECOVERING, State.TRANSFERRING}:
            self._books.reconnected(successful=True)
        self._books.model_back()
        self._line.ready()
        self.happen(Event.MODEL_READY)
        self._desk.agent(TransferEvent.AGENT_READY)
        self._patience.activity()

    def model_lost(self, *, retryable: bool, sentence: str, wait: float) -> None:
        """The session ended or could not be had."""
        self._books.model_problem(sentence)
        self._collector.forget()
        if self._line.lost(retryable=retryable, wait=wait):
            self.happen(Event.MODEL_LOST)
            self._desk.agent(TransferEvent.AGENT_LOST)
        else:
            if self.state is State.RECOVERING:
                self._books.reconnected(successful=False)
            self.happen(Event.MODEL_GONE)
            self._desk.agent(TransferEvent.AGENT_GONE)
        self.speech_may_be_over()

    def goodbye_asked(self) -> None:
        """The model wants to hang up."""
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
        self._desk.agent(TransferEvent.AGENT_GONE)

    def session_effect(self, effect: e.Effect) -> None:
        """Record what is worth it."""
        self._books.session_effect(effect, self._loop.time())
        match effect:
            case e.CallerSpeaking(started, _):
                self._line.caller_speaking = started
                if started:  # in a pause of the last words, too
                    self.happen(Event.CALLER_SPOKE)
                self._patience.activity()
            case e.SessionExpiring():
                self._line.expires_soon()
                self._roll_over_if_quiet()
            case _:
                pass

    def session_counted(self, counts: Mapping[str, int]) -> None:
        """Count what the session or its socket counted."""
        self._services.metrics.session_counts(counts)

    def speech_may_be_over(self) -> None:
        """Notice that the last words have been played, or that a session can be exchanged."""
        self._roll_over_if_quiet()
        self._desk.speech_may_be_over()
        self._last_words.may_be_over()

    def _roll_over_if_quiet(self) -> None:
        if self.state in IN_CONVERSATION and self._line.roll_over_if_quiet():
            self._log.info("session_rolled_over")
