"""The transfer of a call as a table: ``(state, event) -> (next state, effects)``.

Pure: no clock, no I/O. The performer turns what happens into events, asks `step`, performs the effects in
their order, and keeps the one timer that the state has. It gives the events of a consult leg only as long as
that leg is the present one: what a leg says after `Effect.END_CONSULT` goes nowhere (a 200 that crosses our
CANCEL is answered with BYE by the SIP process).

What the table promises, and its test proves over every path:

- The caller's leg is ended only when a human has, or had, the caller.
- Each path ends with the caller at a human, back at the agent, or gone; nothing else.
- A consult leg, a briefing session, a comfort sound or a bridge is given back on every way out.
- From the first step on no model hears the caller, until the transfer has ended in `State.RETURNED`.
- Once the human has accepted, no model speaks, unless the caller returns to the agent.

The drawing in ``docs/transfer.md`` is generated from the table (`mermaid`).
"""

from __future__ import annotations

from typing import Final

from talkpath.bridge.state_table import drawing, look_up
from talkpath.bridge.transfer.table import CONSULT_ENDS, DIALLING, TABLE, Step
from talkpath.bridge.transfer.vocabulary import FINAL, Event, State

TIMEOUTS: Final[dict[State, float]] = {
    State.DRAINING_SPEECH: 10.0,  # "One moment, I connect you" and a sentence more
    State.CHOOSING: 5.0,  # the answer comes at once; this only catches its loss
    State.ANNOUNCING: 60.0,
    State.DIALLING_WARM: 130.0,  # the ring timeout of the INVITE is shorter; this only catches its loss
    State.DIALLING_BRIDGE: 130.0,
    State.BRIEFING: 60.0,  # `timeout` takes the agent's own figure
    State.REFERRING_WARM: 8.0,  # two people wait in silence; the bridge is ready
    State.CONFIRMING_WARM: 8.0,  # Replaces joins two calls that are up: no ringing to wait for
    State.SETTLING_WARM: 2.0,
    State.TARGET_LEFT: 5.0,
    State.CALLER_LEFT: 2.0,
    State.REFERRING_BLIND: 33.0,  # Timer F, 64·T1 = 32 s (RFC 3261, 17.1.2.2)
    State.CONFIRMING_BLIND: 20.0,  # the first NOTIFY comes at once (RFC 3515, 2.4.4)
    State.PROGRESSING_BLIND: 130.0,  # the peer rings the target as long as it likes
    State.SETTLING_BLIND: 2.0,
    State.RETURNING: 40.0,  # the budget for a lost model is shorter
}
"""Longest stay in a state, in seconds; a bridge lasts until somebody hangs up."""


def step(state: State, event: Event) -> Step:
    """Look one transition up.

    Raises:
        IllegalEventError: the pair is not in the table.
    """
    return look_up("a transfer", TABLE, state, event)


def timeout(state: State, briefing: float | None = None) -> float | None:
    """Longest stay in a state, in seconds; None: as long as it takes.

    Args:
        state: Where the transfer is.
        briefing: The agent's own limit for the briefing.
    """
    if state is State.BRIEFING and briefing is not None:
        return briefing
    return TIMEOUTS.get(state)


_AT_ANY_TIME: Final = {
    Event.CALLER_HUNG_UP: State.CALLER_GONE,
    Event.SIP_LOST: State.CALLER_GONE,
    Event.HANG_UP_ORDERED: State.RETURNED,
}
"""What ends every state in the same way; in a drawing it would hide the rest."""

_REPORTS: Final = (Event.REFER_PROGRESS, Event.REFER_FAILED, Event.SUBSCRIPTION_LOST)


def mermaid() -> str:
    """Draw the table as a Mermaid state diagram.

    Left out are the rows that change nothing, what ends every state in the same way, and the report of a
    success where none is waited for.
    """
    steps = [
        (state, event, following)
        for state in State
        for event in Event
        for following, _effects in (TABLE.get((state, event), (state, ())),)
        if not _is_understood(state, event, following) and not _is_a_hang_up(state, event)
    ]
    return drawing((State.ASKED,), steps, (state for state in State if state in FINAL))


def _is_understood(state: State, event: Event, following: State) -> bool:
    if event is Event.REFER_DONE:
        reports = (TABLE.get((state, report), (state, ()))[0] for report in _REPORTS)
        return all(report is state for report in reports)
    return _AT_ANY_TIME.get(event) is following


def _is_a_hang_up(state: State, event: Event) -> bool:
    """Once somebody has answered, however the leg ends is a hang-up to us, which is drawn by that name."""
    return state not in DIALLING and event in CONSULT_ENDS and event is not Event.TARGET_HUNG_UP
