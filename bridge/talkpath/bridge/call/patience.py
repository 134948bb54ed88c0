"""How long a call waits: for voice packets, for somebody to speak, for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from talkpath.bridge.call.machine import IN_CONVERSATION, Event, State

if TYPE_CHECKING:
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.timers import CallTimers
    from talkpath.bridge.config.agent import AgentConfig
    from talkpath.bridge.observe.call_record import CallRecord, Cause

ANSWER_WAIT: Final = 10.0
"""Seconds for which the question whether the caller is still there may stay without an answer, at most."""
LIMIT_AGAIN: Final = 1.0
"""Seconds until a limit that came during a transfer is looked at again."""


class WaitingCall(Protocol):
    """The call."""

    state: State

    @property
    def record(self) -> CallRecord:
        """What is known of the call so far."""

    def limit_reached(self, cause: Cause) -> None:
        """Let the agent say goodbye, because of a limit."""

    def happen(self, event: Event) -> None:
        """Take one step of the call's table."""

    def hang_up(self, cause: Cause) -> None:
        """End the call from our side."""

    def agent_talks(self) -> bool:
        """Whether the caller hears the agent, or will."""


class Patience:
    """The limits of one call.

    Args:
        call: The call.
        own: What the agent's configuration says.
        rtp_timeout: Seconds without voice packets that end a call; 0: none do.
        line: Knows whether the caller speaks.
        timers: The call's timers.
    """

    def __init__(
        self, call: WaitingCall, own: AgentConfig, rtp_timeout: float, line: ModelLine, timers: CallTimers
    ) -> None:
        self._call = call
        self._own = own
        self._rtp_timeout = rtp_timeout
        self._line = line
        self._timers = timers

    def rtp_stopped(self, seconds: float) -> None:
        """Nothing has come from the caller for ``seconds``: give the call up when that goes on."""
        if self._rtp_timeout:
            left = max(self._rtp_timeout - seconds, 0.0)
            self._timers.set("rtp", left, self._no_rtp)

    def rtp_expected(self) -> None:
        """Voice packets come again, or a hold begins or ends; what was counted is forgotten."""
        self._timers.cancel("rtp")

    def talk_begins(self) -> None:
        """The longest duration is counted from here on."""
        self._timers.set("duration", self._own.max_duration, self._limit_reached)

    def activity(self) -> None:
        """Somebody spoke, pressed a key, or came back: the silence, if there is one, begins now."""
        if self._call.state not in IN_CONVERSATION:
            return
        if self._is_too_dear():
            self._call.limit_reached("cost_limit")
        elif self._own.silence_timeout is not None:
            asked = self._call.state is State.ASKING
            wait = min(self._own.silence_timeout, ANSWER_WAIT) if asked else self._own.silence_timeout
            self._timers.set("silence", wait, self._silence_lasted)

    def _is_too_dear(self) -> bool:
        """Whether the call has cost what it may; looked at when somebody speaks, as that costs more."""
        limit, spent = self._own.max_cost, self._call.record.cost
        return limit is not None and spent is not None and spent >= limit

    def _no_rtp(self) -> None:
        """Nobody is there; in a transfer the peer may have the caller, and other limits hold."""
        if self._call.state is State.TRANSFERRING:
            self._timers.set("rtp", LIMIT_AGAIN, self._no_rtp)
        else:
            self._call.hang_up("no_media")

    def _limit_reached(self) -> None:
        """The agent's time is over; during a transfer that waits until the caller is back."""
        if self._call.state is State.TRANSFERRING:
            self._timers.set("duration", LIMIT_AGAIN, self._limit_reached)
        else:
            self._call.happen(Event.LIMIT_REACHED)

    def _silence_lasted(self) -> None:
        """Let the agent ask for the caller, or give the caller up."""
        silent = not self._line.caller_speaking and not self._call.agent_talks()
        if silent and self._call.state in IN_CONVERSATION:
            self._call.happen(Event.SILENT_TOO_LONG)
        self.activity()  # the answer is waited for, also when there is no session to ask
