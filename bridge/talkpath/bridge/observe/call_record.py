"""All that is known about a call when it is over, as one canonical line of the log."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from talkpath.bridge.records.journal import Journal
    from talkpath.bridge.records.rows import Direction as Way
    from talkpath.bridge.records.rows import Party
    from talkpath.sip.messages import Comeback, TransferAccount

Outcome = Literal["completed", "transferred", "refused", "abandoned", "failed"]
"""``completed``: they talked. ``transferred``: a human has, or had, the caller. ``refused``: we said no.
``abandoned``: the caller gave up before the answer, or nobody took our call. ``failed``: something broke."""

Cause = Literal[
    "caller_hung_up",
    "callee_hung_up",
    "agent_hung_up",
    "answering_machine",
    "transferred",
    "time_limit",
    "cost_limit",
    "silence",
    "no_media",
    "no_answer",
    "no_route",
    "rejected_by_route",
    "no_capacity",
    "draining",
    "operator",
    "model_unavailable",
    "model_lost",
    "sip_failure",
    "sip_process_lost",
    "worker_lost",
    "internal_error",
]
"""Why the call ended; also a label of the metrics, which is why the list is closed."""

Direction = Literal["inbound", "outbound"]
EndedBy = Literal["caller", "callee", "us", "failure", ""]

CAUSES: frozenset[str] = frozenset(get_args(Cause))
OUTCOMES: frozenset[str] = frozenset(get_args(Outcome))

MALFORMED = ("too_short", "bad_version", "bad_csrc", "bad_extension", "bad_padding")
"""Counters of the media plane for packets that are not RTP (RFC 3550, A.1), by what is wrong with them."""

MEDIA_FIGURES = {
    "rtp_received": ("packets_received",),
    "rtp_sent": ("packets_sent",),
    "rtp_lost": ("frames_lost_filled",),
    "rtp_late": ("late",),
    "rtp_duplicate": ("duplicate",),
    "rtp_malformed": MALFORMED,
    "frames_starved": ("frames_starved",),
}
"""Keys of the line and the counters of the media plane whose sum they are."""


@dataclass(slots=True, kw_only=True)
class CallRecord:
    """Filled while the call lives, written once at its end.

    Times in seconds. ``sip_status`` is the status that ended the call, 0 where there was none.
    """

    call: str
    direction: Direction = "inbound"
    sip_call_id: str = ""
    trunk: str = ""
    agent: str = ""
    model: str = ""
    caller: str = ""
    """Address or number of the calling party. Private."""
    called: str = ""
    """Address or number that was called. Private."""
    codec: str = ""
    outcome: Outcome = "failed"
    ended_by: EndedBy = ""
    cause: Cause = "internal_error"
    sip_status: int = 0
    reason: str = ""
    """Plain sentence, without private data."""
    setup: float | None = None
    """From the INVITE to our 200, or from our INVITE to theirs; None when it never came."""
    talk: float = 0.0
    """From the 200 to the end."""
    turn_latencies: list[float] = field(default_factory=list)
    """From the end of the caller's speech to the first audio on the wire, one per turn of the agent."""
    barge_in_stops: list[float] = field(default_factory=list)
    """From the notice of the caller's speech to the last frame of the agent's, one per barge-in."""
    media: dict[str, int] = field(default_factory=dict)
    """Counters of the lane by the names of the media plane's causes."""
    quality: dict[str, float | None] = field(default_factory=dict)
    """What the network did to the voices: ``mos`` (E-model), ``loss_percent``, ``jitter_ms`` of what we
    received, and ``peer_loss_percent``, ``peer_jitter_ms``, ``round_trip_ms`` as RTCP told."""
    tokens: dict[str, int] = field(default_factory=dict)
    """Tokens by kind: ``text_in``, ``audio_in``, ``cached_audio``, ``audio_out``, …"""
    answered_by: str = ""
    """Who picked up a call of ours: ``human`` or ``machine``; empty: not found out."""
    cost: float | None = None
    """Estimated US dollars; None when the model's price is not known."""
    tool_calls: int = 0
    tool_failures: int = 0
    digits: int = 0
    model_reconnects: int = 0
    recording: str = ""
    """File of the recording; empty: none was made."""
    costs: dict[str, float] = field(default_factory=dict)
    """The same by the kind of tokens."""
    holds: int = 0
    """How often we have put the caller on hold, in a transfer or for the operator."""
    transfer: str = ""
    """What became of the last transfer, one of `talkpath.bridge.transfer.vocabulary.Reason`; empty: none
    was tried."""
    transfer_target: str = ""
    """Name of the target of that transfer."""
    account: TransferAccount | None = None
    """All that is told about the last transfer. Private: what the human was told."""
    started_at: datetime | None = None
    """When the INVITE came or was ordered."""
    answered_at: datetime | None = None
    comeback: Comeback | None = None
    """What is known of a caller whom a transfer of another call had given away a moment ago. Private."""
    journal: Journal | None = None
    """What happened in the call, where records of calls are kept."""

    @property
    def turns(self) -> int:
        """Turns of the agent that followed the caller's speech."""
        return len(self.turn_latencies)

    def add_tokens(self, tokens: Mapping[str, int]) -> None:
        """Add the tokens of one response."""
        for kind, count in tokens.items():
            self.tokens[kind] = self.tokens.get(kind, 0) + int(count)

    def add_costs(self, dollars: Mapping[str, float]) -> None:
        """Add what the tokens of one response cost, by their kind."""
        self.cost = (self.cost or 0.0) + sum(dollars.values())
        for kind, amount in dollars.items():
            self.costs[kind] = self.costs.get(kind, 0.0) + amount

    def note(self, party: Party, way: Way, name: str, detail: str = "") -> None:
        """Write a moment of the call into its journal, if one is kept."""
        if self.journal is not None:
            self.journal.moment(party, way, name, detail)

    def line(self) -> dict[str, object]:
        """Facts of the ``call_ended`` event; the numbers stand under ``pii_`` keys."""
        identity: dict[str, object] = {
            "call": self.call,
            "sip_call_id": self.sip_call_id,
            "direction": self.direction,
            "trunk": self.trunk,
            "agent": self.agent,
            "model": self.model,
            "pii_from": self.caller,
            "pii_to": self.called,
            "codec": self.codec,
        }
        ending: dict[str, object] = {
            "outcome": self.outcome,
            "ended_by": self.ended_by,
            "cause": self.cause,
            "sip_status": self.sip_status,
            "reason": self.reason,
            "answered_by": self.answered_by,
            "transfer": self.transfer,
            "transfer_target": self.transfer_target,
            "recording": self.recording,
        }
        return {**identity, **ending, **self._figures(), **self._tokens()}

    def _figures(self) -> dict[str, object]:
        return {
            "setup_ms": milliseconds(self.setup),
            "talk_seconds": round(self.talk, 2),
            "turns": self.turns,
            "turn_latency_median_ms": milliseconds(median(self.turn_latencies or [math.nan])),
            "turn_latency_max_ms": milliseconds(max(self.turn_latencies, default=math.nan)),
            "barge_ins": len(self.barge_in_stops),
            "barge_in_stop_median_ms": milliseconds(median(self.barge_in_stops or [math.nan])),
            "barge_in_stop_max_ms": milliseconds(max(self.barge_in_stops, default=math.nan)),
            **{
                key: sum(self.media.get(counter, 0) for counter in counters)
                for key, counters in MEDIA_FIGURES.items()
            },
            "holds": self.holds,
            "digits": self.digits,
            "tool_calls": self.tool_calls,
            "tool_failures": self.tool_failures,
            "model_reconnects": self.model_reconnects,
        }

    def _tokens(self) -> dict[str, object]:
        tokens: dict[str, object] = {f"tokens_{kind}": count for kind, count in sorted(self.tokens.items())}
        return {**tokens, "cost_usd": None if self.cost is None else round(self.cost, 6)}


def milliseconds(seconds: float | None) -> float | None:
    """Seconds as milliseconds with one decimal; None for what never happened."""
    return None if seconds is None or math.isnan(seconds) else round(seconds * 1000, 1)
