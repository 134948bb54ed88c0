"""What spans a call consists of. Pure: the report of a finished call in, plans of spans out.

No words, numbers or arguments of functions are in them: traces go to other systems than records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.records.rows import FullCall, Leg

Value = str | int | float | bool


class Span(NamedTuple):
    """One span, with times in seconds from the start of the call.

    Attributes:
        name: Few different ones: functions have theirs, calls do not.
        start: When it began.
        end: When it ended.
        attributes: Facts.
        error: What went wrong; empty: nothing.
    """

    name: str
    start: float
    end: float
    attributes: dict[str, Value]
    error: str = ""


def call_span(full: FullCall) -> Span:
    """The span of the whole call."""
    call = full.call
    length = (call.ended_at - call.started_at).total_seconds()
    facts: dict[str, Value | None] = {
        "talkpath.call": call.id,
        "sip.call_id": call.sip_call_id,
        "talkpath.direction": call.direction,
        "talkpath.trunk": call.trunk,
        "talkpath.agent": call.agent,
        "gen_ai.request.model": call.model,
        "talkpath.codec": call.codec,
        "talkpath.outcome": call.outcome,
        "talkpath.cause": call.cause,
        "sip.status": call.sip_status,
        "talkpath.setup_seconds": call.setup_seconds,
        "talkpath.talk_seconds": call.talk_seconds,
        "talkpath.mos": call.mos,
        "talkpath.cost_usd": call.cost_usd,
    }
    error = call.cause if call.outcome == "failed" else ""
    return Span(
        "call", 0.0, length, {key: value for key, value in facts.items() if value not in {None, ""}}, error
    )


def inner_spans(full: FullCall) -> Iterator[Span]:
    """The spans inside: sessions with the model, turns, functions, the dialog with a human."""
    end = call_span(full).end
    yield from _sessions(full, end)
    for turn in full.turns:
        start = max(0.0, turn.at - turn.latency)
        yield Span("turn", start, turn.at, {"talkpath.latency_seconds": turn.latency})
    for run in full.tools:
        last = end if run.seconds is None else run.at + run.seconds
        failed = "" if run.outcome == "ok" else run.outcome
        yield Span(f"tool {run.name}", run.at, last, {"talkpath.outcome": run.outcome}, failed)
    for leg in full.legs:
        if leg.role == "consult":
            yield _transfer(full, leg, end)


def _sessions(full: FullCall, end: float) -> Iterator[Span]:
    """A session lasts until the next one, or until the call is over."""
    began = [one.at for one in full.moments if one.party == "model" and one.name == "session ready"]
    for start, stop in zip(began, [*began[1:], end], strict=True):
        yield Span("model session", start, stop, {"gen_ai.request.model": full.call.model})


def _transfer(full: FullCall, leg: Leg, end: float) -> Span:
    facts: dict[str, Value] = {
        "talkpath.target": full.call.transfer_target,
        "talkpath.outcome": full.call.transfer,
        "sip.status": leg.sip_status,
    }
    return Span("transfer", leg.at, end if leg.ended is None else leg.ended, facts)
