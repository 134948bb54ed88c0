"""What a day of calls amounts to. Pure: stored calls in, figures out."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from talkpath.bridge.records.rows import Call, FullCall, Utterance

NOISE: Final = 0.35
"""Seconds of "speech" of a caller that are more likely a cough, a door, or the line."""
TOO_EARLY: Final = 1000
"""Milliseconds of an answer after which a caller who goes on had not finished."""
FRAME: Final = 0.02
"""Seconds of voice in a packet of ours."""


@dataclass(slots=True)
class AgentFigures:
    """What callers of one agent did.

    Attributes:
        calls: Calls that were answered.
        turns: Answers of the agent.
        barge_ins: Answers that were cut off.
        noises: Of those, by less than `NOISE` seconds of speech.
        early: Of those, in the first second: the caller had only paused.
        latencies: Median seconds to the answer, of each call that has one.
        setups: Seconds from the INVITE to the answer.
        silent: Calls that ended because nobody spoke.
        too_long: Calls that ended because of their length.
    """

    calls: int = 0
    turns: int = 0
    barge_ins: int = 0
    noises: int = 0
    early: int = 0
    latencies: list[float] = field(default_factory=list)
    setups: list[float] = field(default_factory=list)
    silent: int = 0
    too_long: int = 0


@dataclass(slots=True)
class TrunkFigures:
    """What the network did to the calls of one trunk.

    Attributes:
        jitters: Milliseconds, one for each call (RFC 3550).
        losses: Per cent that did not arrive, one for each call.
        received: Packets.
        late: Packets that came after their time, for all the depth of the jitter buffer.
    """

    jitters: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    received: int = 0
    late: int = 0


@dataclass(slots=True)
class Figures:
    """What all calls together amount to.

    Attributes:
        calls: How many there were.
        peak: The most that lived at once.
        full: Calls that were refused for want of room.
        codecs: Answered calls by codec.
        starved: Share of packets to callers that had silence in them because the model was late.
        agents: By the name of the agent.
        trunks: By the name of the trunk; empty for calls without one.
    """

    calls: int = 0
    peak: int = 0
    full: int = 0
    codecs: Counter[str] = field(default_factory=Counter)
    starved: float = 0.0
    agents: dict[str, AgentFigures] = field(default_factory=dict)
    trunks: dict[str, TrunkFigures] = field(default_factory=dict)


def add_up(calls: Iterable[FullCall]) -> Figures:
    """Add up stored calls."""
    figures = Figures()
    spans: list[tuple[float, float]] = []
    sent = starved = 0
    for full in calls:
        call = full.call
        figures.calls += 1
        figures.full += call.cause == "no_capacity"
        if call.answered_at is None:
            continue
        spans.append((call.started_at.timestamp(), call.ended_at.timestamp()))
        figures.codecs[call.codec or "?"] += 1
        sent += call.media.get("packets_sent", 0)
        starved += call.media.get("frames_starved", 0)
        _add_agent(figures.agents.setdefault(call.agent, AgentFigures()), call, full.utterances)
        _add_trunk(figures.trunks.setdefault(call.trunk, TrunkFigures()), call)
    figures.peak = most_at_once(spans)
    figures.starved = starved / sent if sent else 0.0
    return figures


def _add_agent(own: AgentFigures, call: Call, said: Sequence[Utterance]) -> None:
    own.calls += 1
    own.turns += call.turns
    own.barge_ins += call.barge_ins
    own.silent += call.cause == "silence"
    own.too_long += call.cause == "time_limit"
    if call.turn_median is not None:
        own.latencies.append(call.turn_median)
    if call.setup_seconds is not None:
        own.setups.append(call.setup_seconds)
    for number, words in enumerate(said):
        if words.who != "agent" or words.heard_ms is None:
            continue
        own.early += words.heard_ms < TOO_EARLY
        spoken = next((one for one in said[number + 1 :] if one.who == "caller"), None)
        own.noises += spoken is not None and spoken.until is not None and spoken.until - spoken.at < NOISE


def _add_trunk(own: TrunkFigures, call: Call) -> None:
    if call.jitter_ms is not None:
        own.jitters.append(call.jitter_ms)
    if call.loss_percent is not None:
        own.losses.append(call.loss_percent)
    own.received += call.media.get("packets_received", 0)
    own.late += call.media.get("late", 0)


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """The most intervals that overlap; one that ends when another begins does not."""
    steps = sorted(step for begin, end in spans for step in ((begin, 1), (end, -1)))
    most = now = 0
    for _, change in steps:
        now += change
        most = max(most, now)
    return most


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
