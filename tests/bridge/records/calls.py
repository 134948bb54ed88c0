"""Calls to store, for the tests of the records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from talkpath.bridge.records.rows import Call, FullCall, Leg, Moment, Tokens, ToolRun, Turn, Utterance

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


def call(name: str = "c-1", **facts: Any) -> Call:
    """The facts of a good call that began at noon."""
    known: dict[str, Any] = {
        "sip_call_id": f"{name}@pbx",
        "agent": "reception",
        "caller": "+4930123456",
        "called": "100",
        "started_at": NOON,
        "answered_at": NOON + timedelta(seconds=0.5),
        "ended_at": NOON + timedelta(seconds=60),
        "outcome": "completed",
        "cause": "caller_hung_up",
        "media": {"packets_received": 3000},
    }
    return Call(id=name, **{**known, **facts})


def full_call(name: str = "c-1", **facts: Any) -> FullCall:
    """The same with one of each part."""
    return FullCall(
        call=call(name, **facts),
        legs=[Leg(role="caller", at=0.0, codec="PCMU", answered=0.5)],
        moments=[
            Moment(at=0.0, party="sip", direction="in", name="INVITE", detail="from 192.0.2.1:5060 over UDP"),
            Moment(at=0.4, party="model", direction="in", name="session ready"),
        ],
        utterances=[
            Utterance(at=1.0, who="agent", text="Hello, bicycle shop.", heard_ms=900, length_ms=2000),
            Utterance(at=3.0, who="caller", text="My bell is broken.", until=4.5),
        ],
        turns=[Turn(at=5.0, latency=0.42)],
        tools=[ToolRun(at=5.1, name="find_order", outcome="ok", seconds=0.2)],
        tokens=[Tokens(kind="audio_in", count=600, dollars=0.0192), Tokens(kind="text_in", count=90)],
    )
