"""What a Realtime session wants done. The session decides, the owner of the call performs.

Effects come out of :meth:`~.session.RealtimeSession.effects` in the order in which they must be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from talkpath.bridge.realtime.usage import TokenUsage

Role = Literal["caller", "agent"]


@dataclass(frozen=True, slots=True)
class Played:
    """Answer to :class:`FlushPlayout`: how much of one item was handed to RTP, from the item's start."""

    item_id: str
    played_ms: int


@dataclass(frozen=True, slots=True)
class SeedMessage:
    """One line of a conversation, as it is put into a fresh session.

    A line about a tool and its result (``tool``) is for the model alone.
    """

    role: Literal["user", "assistant", "system", "tool"]
    text: str


@dataclass(frozen=True, slots=True)
class Send:
    """Write one text frame to the socket. Control, not audio: it must not be dropped."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Configured:
    """The server confirmed the audio formats: audio may flow from now on."""

    session_id: str
    expires_at: float | None
    """Unix time at which the server will close the session, when it told."""


@dataclass(frozen=True, slots=True)
class PlayAudio:
    """Append audio (in the session's format) to the playout of an item. Chunks have any size."""

    item_id: str
    audio: bytes


@dataclass(frozen=True, slots=True)
class FinishItem:
    """No more audio will come for this item; its playout may drain."""

    item_id: str


@dataclass(frozen=True, slots=True)
class FlushPlayout:
    """Stop speaking now, empty the lane, and answer with ``session.flushed(...)``."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The server was told that the caller heard only this much of an item. For the record."""

    item_id: str
    heard_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a tool and answer with ``session.tool_finished(...)``."""

    call_id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A piece of what was said. ``final``: ``text`` is the whole item, else it continues the last piece."""

    role: Role
    item_id: str
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class CallerSpeaking:
    """The server heard the caller begin or stop."""

    started: bool
    item_id: str


@dataclass(frozen=True, slots=True)
class ResponseFinished:
    """A response was generated to its end; it may still be playing.

    ``outcome`` is ``spoken`` (there was audio), ``called`` (only tool calls), ``interrupted``, ``failed``
    (a retry follows, or :class:`AgentSilent`) or ``superseded`` (another response took its place).
    """

    response_id: str
    purpose: str
    outcome: str
    status: str
    reason: str
    items: tuple[str, ...]
    audio_ms: int
    tool_calls: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one response. Money is the caller's business: see :mod:`~.usage`."""

    response_id: str
    tokens: TokenUsage


@dataclass(frozen=True, slots=True)
class TranscriptionUsage:
    """What writing down one utterance used: seconds or tokens, depending on the model."""

    item_id: str
    seconds: float
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit of the account as the server reports it."""

    name: str
    limit: float
    remaining: float
    reset_seconds: float


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What is left of the account's limits."""

    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class TurnLatency:
    """Seconds from an event to the first audio of a response; None where that event did not happen."""

    response_id: str
    purpose: str
    from_speech_stopped: float | None
    from_committed: float | None
    from_requested: float | None
    from_created: float


@dataclass(frozen=True, slots=True)
class ProtocolProblem:
    """The server complained, or broke its own rules. The session goes on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AgentSilent:
    """The agent could not be made to speak, and every retry is used up.

    Never leave the caller in silence: say something locally, transfer, or end the call.
    """

    cause: str
    sentence: str
    attempts: int


@dataclass(frozen=True, slots=True)
class SessionExpiring:
    """The time limit of the session is near: open a fresh one, seed it, and change over between turns."""

    seconds_left: float


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The socket closed under a living call."""

    retryable: bool
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class SessionFailed:
    """This session is of no use any more. ``sentence`` says why and what to do, for a human."""

    cause: str
    sentence: str
    retryable: bool


Effect = (
    Send
    | Configured
    | PlayAudio
    | FinishItem
    | FlushPlayout
    | Interrupted
    | RunTool
    | Transcript
    | CallerSpeaking
    | ResponseFinished
    | Usage
    | TranscriptionUsage
    | RateLimits
    | TurnLatency
    | ProtocolProblem
    | AgentSilent
    | SessionExpiring
    | SessionLost
    | SessionFailed
)
