"""The records that :mod:`~.responses` keeps, and the judgement on how a response ended."""

from __future__ import annotations

from dataclasses import dataclass

from talkpath.bridge.realtime.effects import ResponseFinished, TurnLatency

CAUSE_SENTENCES: dict[str, str] = {
    "no_response": "The model server did not begin a response in time. Check its load and the network.",
    "busy": "The model server says that it is responding, and does not. Check its log for this session.",
    "stalled": "The model server stopped in the middle of a response. Check its load and the network.",
    "silent": "The model finished its response without a word. Check the agent's instructions and tools.",
    "rate_limit_exceeded": "The model server refuses responses: a rate limit of the account is reached.",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A response that somebody wants.

    ``instructions`` replace those of the session; ``needs`` are the items that the server must have
    before a response counts as the answer to this wish.
    """

    purpose: str
    instructions: str | None = None
    tool_choice: str | None = None
    needs: frozenset[str] = frozenset()
    number: int = 0

    @property
    def fixed(self) -> bool:
        """Whether only a response of its own fulfils this wish."""
        return self.instructions is not None


@dataclass(slots=True)
class Request:
    """A ``response.create`` that was sent. ``unwanted``: it was interrupted before it began."""

    event_id: str
    wish: Wish
    sent_at: float
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """When things happened that led to a response; None where they did not."""

    stopped: float | None = None
    committed: float | None = None
    requested: float | None = None


@dataclass(slots=True)
class CallerTurn:
    """Where the caller's turn is. ``expected``: the server is about to respond to it by itself."""

    speaking: bool = False
    expected: bool = False
    stopped_at: float | None = None
    committed_at: float | None = None

    def stopped(self, now: float) -> None:
        """The caller stopped speaking."""
        self.speaking = False
        self.stopped_at = now

    def holds(self, wish: Wish) -> bool:
        """Whether a wish has to wait for the caller or for the server's own response.

        A fixed sentence does not wait until the caller has finished: on a noisy line that may be never.
        """
        return self.expected or (self.speaking and not wish.fixed)

    def take(self, request: Request | None) -> Times:
        """The times that belong to a response which begins now; those of the turn are used up."""
        if request and request.event_id:
            return Times(requested=request.sent_at)
        times = Times(self.stopped_at, self.committed_at)
        self.stopped_at = self.committed_at = None
        return times


@dataclass(slots=True)
class ActiveResponse:
    """The response that is running.

    ``mark`` tells which items the server knew when it began; ``confirmed`` that its metadata names our
    request; ``discarded`` that nothing of it is to be heard.
    """

    id: str
    request: Request | None
    confirmed: bool
    created_at: float
    mark: int
    times: Times
    spoke: bool = False
    called: bool = False
    stalled: bool = False
    discarded: bool = False
    cancel_event: str = ""

    @property
    def wish(self) -> Wish | None:
        """What it was asked for; None when the server made it by itself."""
        return self.request.wish if self.request else None

    @property
    def purpose(self) -> str:
        """``turn`` for the server's own responses, else what the wish says."""
        return self.request.wish.purpose if self.request else "turn"


@dataclass(frozen=True, slots=True)
class Result:
    """What ``response.done`` said, flattened, with what was received of the response."""

    status: str
    reason: str
    code: str = ""
    kind: str = ""
    message: str = ""
    items: tuple[str, ...] = ()
    audio_ms: int = 0
    tool_calls: int = 0


def outcome_of(active: ActiveResponse, result: Result) -> str:
    """``spoken``, ``called``, ``interrupted`` or ``failed`` (a retry is due)."""
    if active.discarded:
        return "interrupted"
    if active.stalled or result.status == "failed":
        return "failed"
    if result.status == "cancelled" and (result.reason == "turn_detected" or active.cancel_event):
        return "interrupted"
    if active.spoke:
        return "spoken"
    return "called" if active.called else "failed"


def finished_effect(active: ActiveResponse, outcome: str, result: Result) -> ResponseFinished:
    """The report about a response that ended."""
    return ResponseFinished(
        active.id,
        active.purpose,
        outcome,
        result.status,
        result.code or result.reason,
        result.items,
        result.audio_ms,
        result.tool_calls,
    )


def latency_effect(active: ActiveResponse, now: float) -> TurnLatency:
    """The report about the first audio of a response."""

    def since(then: float | None) -> float | None:
        return None if then is None else now - then

    return TurnLatency(
        active.id,
        active.purpose,
        from_speech_stopped=since(active.times.stopped),
        from_committed=since(active.times.committed),
        from_requested=since(active.times.requested),
        from_created=now - active.created_at,
    )
