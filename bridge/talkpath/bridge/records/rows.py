"""The vocabulary of a stored call: one set of types for the wire, the database and whoever reads.

A worker fills a :class:`FullCall` and sends it; the writer puts each part into the table of its name; the
read side gives the same types back. Times within a call (``at``) are seconds from its start.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations when it decodes
from typing import Literal

import msgspec

from talkpath.sip.live import TransferAccount  # noqa: TC001 - the same

Party = Literal["sip", "model", "media", "call"]
"""Whose event it is: a column of the ladder."""
Direction = Literal["in", "out", ""]
"""``in``: they told us. ``out``: we told them. Empty: it happened between the two."""
Who = Literal["caller", "agent"]


class Call(msgspec.Struct, kw_only=True):
    """The facts of one call; one row of the table ``calls``.

    Attributes:
        id: Our id of the call, ``c-…``.
        caller: Number or address of the calling party. Private.
        called: Number or address that was called. Private.
        setup_seconds: From the INVITE to the answer; None: it was never answered.
        talk_seconds: From the answer to the end.
        turn_median, turn_max: Seconds from the end of the caller's speech to the agent's first audio.
        mos, loss_percent, jitter_ms: Of what we received (E-model, RFC 3550).
        peer_mos, peer_loss_percent, peer_jitter_ms, round_trip_ms: Of what the peer received, by its RTCP.
        digits: Keys the caller pressed; only their number is kept.
        cost_usd: Estimate; None: the model has no known price.
        transfer, transfer_target: Outcome of a transfer and where it went; empty: none was tried.
        transfer_account: All about that transfer: what for, whom it tried, who took it; None: there was none.
        answered_by: Who picked up a call of ours, ``human`` or ``machine``; empty: not found out.
        recording: Path of the recording; empty: there is none.
        media: Counters of the lane by cause.
        left_out: What was too much to keep, by table: a very long call.
    """

    id: str
    sip_call_id: str = ""
    direction: str = "inbound"
    trunk: str = ""
    agent: str = ""
    model: str = ""
    caller: str = ""
    called: str = ""
    codec: str = ""
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime
    setup_seconds: float | None = None
    talk_seconds: float = 0.0
    outcome: str = "failed"
    cause: str = "internal_error"
    ended_by: str = ""
    sip_status: int = 0
    reason: str = ""
    turns: int = 0
    turn_median: float | None = None
    turn_max: float | None = None
    barge_ins: int = 0
    mos: float | None = None
    loss_percent: float | None = None
    jitter_ms: float | None = None
    peer_mos: float | None = None
    peer_loss_percent: float | None = None
    peer_jitter_ms: float | None = None
    round_trip_ms: float | None = None
    digits: int = 0
    tool_calls: int = 0
    tool_failures: int = 0
    model_reconnects: int = 0
    cost_usd: float | None = None
    transfer: str = ""
    transfer_target: str = ""
    answered_by: str = ""
    recording: str = ""
    transfer_account: TransferAccount | None = None
    media: dict[str, int] = msgspec.field(default_factory=dict)
    left_out: dict[str, int] = msgspec.field(default_factory=dict)


class Leg(msgspec.Struct, kw_only=True):
    """One dialog of the call: the caller's, and in a transfer the one to the target."""

    role: str
    """``caller``, ``callee`` (of an outbound call), or ``consult``."""
    at: float
    uri: str = ""
    sip_call_id: str = ""
    codec: str = ""
    remote: str = ""
    """Where its RTP went."""
    answered: float | None = None
    ended: float | None = None
    sip_status: int = 0
    reason: str = ""


class Moment(msgspec.Struct, kw_only=True):
    """One step of the ladder. ``detail`` is a short text without private data."""

    at: float
    party: Party
    direction: Direction = ""
    name: str
    detail: str = ""


class Utterance(msgspec.Struct, kw_only=True):
    """What one of the two said.

    ``until`` is when the caller stopped. ``heard_ms`` of the ``length_ms`` reached the ear when the caller
    interrupted the agent; both None: it was not interrupted.
    """

    at: float
    who: Who
    text: str = ""
    until: float | None = None
    heard_ms: int | None = None
    length_ms: int | None = None


class Turn(msgspec.Struct, kw_only=True):
    """The agent answered: when its first audio went out, and seconds since the caller's last word."""

    at: float
    latency: float


class ToolRun(msgspec.Struct, kw_only=True):
    """A function the agent called.

    ``outcome`` is that of the tool runner (``ok``, ``failed``, ``timeout``, …) or ``unfinished``: the call
    ended first. ``arguments`` is JSON, and empty unless ``records.tool_arguments`` is on.
    """

    at: float
    name: str
    outcome: str = "unfinished"
    seconds: float | None = None
    arguments: str = ""


class Tokens(msgspec.Struct, kw_only=True):
    """Tokens of one kind; ``dollars`` is None where the price is not known.

    Kinds ``…_in`` include the cached ones, which are charged under their own kind.
    """

    kind: str
    count: int
    dollars: float | None = None


class FullCall(msgspec.Struct, kw_only=True):
    """A call with all its parts, each in the order of time."""

    call: Call
    legs: list[Leg] = msgspec.field(default_factory=list)
    moments: list[Moment] = msgspec.field(default_factory=list)
    utterances: list[Utterance] = msgspec.field(default_factory=list)
    turns: list[Turn] = msgspec.field(default_factory=list)
    tools: list[ToolRun] = msgspec.field(default_factory=list)
    tokens: list[Tokens] = msgspec.field(default_factory=list)
