"""Which settings to change. Pure: figures and the configuration in, advice out.

Nothing is advised on a handful of calls, and every piece of advice comes with the figures behind it. Where
the network or the model is to blame and no key helps, that is what is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from talkpath.bridge.config.capacity import Capacity, capacity
from talkpath.bridge.config.values import format_duration

from .figures import quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.config.agent import AgentConfig
    from talkpath.bridge.config.model import Config

    from .figures import AgentFigures, Figures, TrunkFigures

ENOUGH_CALLS: Final = 20
ENOUGH_CUTS: Final = 10
"""Answers that were cut off, before anything is said about why."""

SERVER_THRESHOLD: Final = 0.5
SERVER_SILENCE: Final = 500
"""What the Realtime API takes where the configuration says nothing."""
LONGEST_SILENCE: Final = 1000
FILLED: Final = 0.8
"""Part of the room that may be used at the peak before there is too little left."""
DEEPEST: Final = 200.0
"""Milliseconds; the jitter buffer follows the network up to here by itself."""


class Advice(NamedTuple):
    """One thing to change, or to look at.

    Attributes:
        key: As it is written in the file; empty: no key helps.
        now: What it is, as TOML; empty: not set.
        then: What it should be, as TOML; empty where there is no key.
        why: The figures behind it.
    """

    key: str
    now: str
    then: str
    why: str


def advise(figures: Figures, config: Config) -> list[Advice]:
    """Everything that the figures say about a configuration."""
    if figures.calls < ENOUGH_CALLS:
        return []
    found = [*_room(figures, capacity(config), config), *_codecs(figures, config), *_model(figures)]
    for name, own in figures.agents.items():
        agent = config.agents.get(name)
        if agent is not None and own.calls >= ENOUGH_CALLS:
            found += [*_turns(name, own, agent), *_limits(name, own, agent)]
    for name, line in figures.trunks.items():
        found += _network(name, line)
    return found


def _room(figures: Figures, room: Capacity, config: Config) -> Iterator[Advice]:
    peak = max(figures.peak, room.calls if figures.full else 0)
    if not figures.full and peak <= FILLED * room.calls:
        return
    why = (
        f"at most {figures.peak} calls at once, room for {room.calls}, {figures.full} refused for want of it"
    )
    wanted = int(peak * 1.5) + 1
    match room.limited_by:
        case "sip.max_calls":
            yield Advice("sip.max_calls", str(config.sip.max_calls), str(wanted), why)
        case "workers.lanes":
            lanes = -(-wanted // room.workers)
            yield Advice("workers.lanes", str(config.workers.lanes), str(lanes), why)
        case _:
            ports = config.sip.rtp_ports
            last = min(65_535, ports.first + 2 * wanted - 1)
            yield Advice("sip.rtp_ports", f'"{ports}"', f'"{ports.first}-{last}"', why)


def _codecs(figures: Figures, config: Config) -> Iterator[Advice]:
    answered = sum(figures.codecs.values())
    wide = figures.codecs["G722"] + figures.codecs["OPUS"]
    if wide and config.realtime.audio != "pcm":
        why = f"{wide} of {answered} calls had wide-band voice, made narrow again by {config.realtime.audio}"
        yield Advice("realtime.audio", f'"{config.realtime.audio}"', '"pcm"', why)
    for name, audio in (("PCMU", "pcmu"), ("PCMA", "pcma")):
        if figures.codecs[name] == answered and config.realtime.audio != audio:
            why = f"all {answered} calls were {name}: passed through, a call costs about a third less CPU"
            yield Advice("realtime.audio", f'"{config.realtime.audio}"', f'"{audio}"', why)


def _model(figures: Figures) -> Iterator[Advice]:
    if figures.starved > 0.01:
        why = f"{figures.starved:.1%} of what callers heard were gaps: the model's audio comes too late"
        yield Advice("", "", "", f"{why}. See the way to the model: talkpath doctor")


def _turns(name: str, own: AgentFigures, agent: AgentConfig) -> Iterator[Advice]:
    """Voice detection: what it takes for speech, and for the end of it."""
    where = f"agents.{name}.turn_detection"
    turns = agent.turn_detection
    if turns is not None and turns.type != "server_vad":
        return
    threshold = (turns.threshold if turns else None) or SERVER_THRESHOLD
    silence = (turns.silence_duration_ms if turns else None) or SERVER_SILENCE
    if own.noises >= ENOUGH_CUTS and own.noises > 0.25 * own.barge_ins and threshold < 0.85:
        why = f"{own.noises} of {own.barge_ins} interruptions were shorter than 350 ms: noise, not speech"
        yield Advice(f"{where}.threshold", f"{threshold:g}", f"{threshold + 0.1:.2g}", why)
    median = quantile(own.latencies, 0.5)
    if own.early >= ENOUGH_CUTS and own.early > 0.1 * own.turns and silence < LONGEST_SILENCE:
        why = f"callers went on within a second of {own.early} of {own.turns} answers: they had only paused"
        longer = min(LONGEST_SILENCE, silence + 200)
        yield Advice(f"{where}.silence_duration_ms", str(silence), str(longer), why)
    elif own.early < 0.02 * own.turns and median > 1.2 and silence > 300 and own.turns >= 100:
        why = f"answers take {median:.2f} s (median), and callers go on in only {own.early} of {own.turns}"
        yield Advice(f"{where}.silence_duration_ms", str(silence), str(max(300, silence - 150)), why)


def _limits(name: str, own: AgentFigures, agent: AgentConfig) -> Iterator[Advice]:
    if own.too_long > 0.05 * own.calls:
        now = agent.max_duration
        why = f"{own.too_long} of {own.calls} calls were ended by it"
        key = f"agents.{name}.max_duration"
        yield Advice(key, f'"{format_duration(now)}"', f'"{format_duration(min(86_400, now * 2))}"', why)
    if own.silent > 0.2 * own.calls and agent.silence_timeout is not None:
        now = agent.silence_timeout
        why = f"{own.silent} of {own.calls} calls ended in silence"
        key = f"agents.{name}.silence_timeout"
        yield Advice(key, f'"{format_duration(now)}"', f'"{format_duration(now * 2)}"', why)
    slow = quantile(own.setups, 0.95)
    if slow > 2.0:
        why = f"{name}: one caller in twenty waits longer than {slow:.1f} s for the answer"
        yield Advice("", "", "", f"{why}: the model opens its session slowly. See talkpath doctor")


def _network(name: str, line: TrunkFigures) -> Iterator[Advice]:
    trunk = f"trunk {name}" if name else "calls without a trunk"
    late = line.late / line.received if line.received else 0.0
    jitter = quantile(line.jitters, 0.95)
    if len(line.jitters) >= ENOUGH_CALLS and (jitter > DEEPEST / 4 or late > 0.005):
        why = f"{trunk}: jitter {jitter:.0f} ms (95 % of calls below), {late:.1%} of packets too late"
        deep = "the jitter buffer follows by itself, up to 200 ms"
        yield Advice("", "", "", f"{why}; {deep}. Give RTP priority (DSCP EF) on the way")
    loss = quantile(line.losses, 0.95)
    if len(line.losses) >= ENOUGH_CALLS and loss > 2.0:
        why = f"{trunk}: {loss:.1f} % of packets lost (95 % of calls below)"
        yield Advice("", "", "", f"{why}. That is the network between us and the PBX")
