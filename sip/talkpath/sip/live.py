"""Messages about live calls for whoever watches or steers them: part of `talkpath.sip.messages`.

A worker tells what happens in its calls (`LiveMessage`), the supervisor hands orders of operators to it
(`CallOrder`), and each order is answered once. None of them is forwarded to the SIP process.

Times are Unix seconds, levels dBov.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from talkpath.sip.settings import Message, Secret

Verdict = Literal["done", "no_call", "not_now", "unknown_target", "not_allowed", "closed", "invalid"]
"""What became of an order. All but ``done``: nothing has changed."""

# --------------------------------------------------------------------------------------------------
# Worker -> supervisor: what happens in a call
# --------------------------------------------------------------------------------------------------


class LiveMessage(Message, frozen=True):
    """Base of what a worker tells about a live call. Sent only where the configuration asks for it."""

    call: str
    at: float


class CallBegan(LiveMessage, frozen=True):
    """A call exists, and an agent has it. Private: the numbers."""

    direction: Literal["inbound", "outbound"]
    sip_call_id: str
    trunk: str
    agent: str
    model: str
    caller: Secret
    called: Secret
    debug: bool = False
    """Whether everything about it is logged."""


class CallState(LiveMessage, frozen=True):
    """The call's state changed."""

    state: str
    """One of `talkpath.bridge.call.machine.State`."""


class CallMedia(LiveMessage, frozen=True):
    """Media was negotiated."""

    codec: str


class Said(LiveMessage, frozen=True):
    """A piece of what was said; ``final``: the whole of it, else it continues the last piece. Private.

    Pieces that are not final come only while somebody watches.
    """

    who: Literal["caller", "agent"]
    item: str
    text: Secret
    final: bool


class CallerSpoke(LiveMessage, frozen=True):
    """The caller began to speak, or stopped. Comes only while somebody watches."""

    speaking: bool


class TurnTaken(LiveMessage, frozen=True):
    """The agent's answer is heard."""

    latency: float
    """Seconds since the caller's last word."""


class BargedIn(LiveMessage, frozen=True):
    """The caller interrupted the agent."""

    stopped_after: float
    """Seconds from the notice to the agent's last frame."""


class ToolCalled(LiveMessage, frozen=True):
    """The agent called a function."""

    tool: str


Acceptance = Literal["", "briefing", "answer", "report"]
"""How a human took the call: they agreed to the briefing, they just answered, or the peer reports it."""


class TransferTry(msgspec.Struct, frozen=True, kw_only=True):
    """One destination of a transfer that is, or was, tried."""

    destination: str
    """As configured; empty: an announcement."""
    mode: str
    """``warm``, ``blind``, ``bridge`` or ``announcement``."""
    outcome: str = ""
    """One of `talkpath.bridge.transfer.vocabulary.Reason`; empty: it is under way."""
    status: int = 0
    """The SIP status that ended it; 0: none did."""


class TransferAccount(msgspec.Struct, frozen=True, kw_only=True):
    """All that is told about a transfer: what for, whom it tried, and what came of it. Private: the words."""

    target: str
    asked_by: Literal["agent", "operator"]
    outcome: str = ""
    """``transferred``, ``returned``, ``caller_gone`` or ``refused``; empty: it is under way."""
    cause: str = ""
    """One of `talkpath.bridge.transfer.vocabulary.Reason`; empty: it is under way."""
    reason: str = ""
    """What the caller wants, in the words of the agent or the operator."""
    summary: str = ""
    """What the human is told, in the same words."""
    accepted_by: str = ""
    """The destination that took the call; empty: none."""
    accepted_how: Acceptance = ""
    attempts: tuple[TransferTry, ...] = ()

    def __repr__(self) -> str:
        return f"TransferAccount(target={self.target!r}, outcome={self.outcome!r}, cause={self.cause!r})"


class TransferStep(LiveMessage, frozen=True):
    """A transfer took a step."""

    target: str
    state: str
    account: TransferAccount


class CallFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How one call sounds at the moment."""

    call: str
    caller_level: float
    agent_level: float
    """Loudest frame since the last figures."""
    mos: float | None = None
    """Mean opinion score of what we received, as of `talkpath.bridge.call.quality`."""
    loss_percent: float | None = None
    jitter_ms: float | None = None
    round_trip_ms: float | None = None


class Figures(Message, frozen=True):
    """How the calls of a worker sound. Comes several times a second while somebody watches."""

    calls: tuple[CallFigures, ...]


class CallOver(LiveMessage, frozen=True):
    """The call has ended and given everything back. Private: the reason may quote a peer."""

    outcome: str
    cause: str
    ended_by: str
    reason: str
    sip_status: int
    talk: float
    turns: int
    transfer: str
    transfer_target: str
    answered_by: str
    recording: str


# --------------------------------------------------------------------------------------------------
# Supervisor -> worker
# --------------------------------------------------------------------------------------------------


class Watch(Message, frozen=True):
    """Somebody watches the calls, or nobody does any more."""

    on: bool


class CallOrder(Message, frozen=True):
    """Base of an operator's order about one call; `OrderAnswered` follows."""

    call: str
    request: int


class EndCall(CallOrder, frozen=True):
    """End the call."""


class HoldCaller(CallOrder, frozen=True):
    """Put the caller on hold, or give them back to the agent."""

    on: bool


class TransferCall(CallOrder, frozen=True):
    """Transfer the call to a target of the configuration, or to a number that the trunk may call."""

    target: str = ""
    number: Secret = Secret("")
    mode: Literal["", "blind", "warm", "bridge"] = ""
    """Empty: the target's own; ``warm`` for a number."""
    reason: Secret = Secret("")
    summary: Secret = Secret("")


class TellAgent(CallOrder, frozen=True):
    """Put a note into the conversation with the model."""

    text: Secret
    respond: bool = True


class PressKeys(CallOrder, frozen=True):
    """Send keys to the far end."""

    digits: Secret


class ListenCall(CallOrder, frozen=True):
    """Send the sound of the call as `CallSound` to somebody, or no longer."""

    listener: int
    """Tells who listens apart."""
    who: str
    on: bool = True


class CallSound(Message, frozen=True):
    """Worker to supervisor: the next sound of a call that somebody listens to."""

    call: str
    samples: bytes
    """16-bit little-endian stereo at 8 kHz: caller left, agent right. Private."""


class OrderAnswered(Message, frozen=True):
    """Worker to supervisor: what became of an order."""

    call: str
    request: int
    verdict: Verdict
    problem: str = ""
    """For a human."""


LiveMessages = (
    CallBegan
    | CallState
    | CallMedia
    | Said
    | CallerSpoke
    | TurnTaken
    | BargedIn
    | ToolCalled
    | TransferStep
    | Figures
    | CallOver
    | Watch
    | EndCall
    | HoldCaller
    | TransferCall
    | TellAgent
    | PressKeys
    | ListenCall
    | CallSound
    | OrderAnswered
)
