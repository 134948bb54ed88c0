"""The life of one session as a table: a socket is opened, confirmed, used once, and never used again."""

from __future__ import annotations

from enum import StrEnum

from talkpath.bridge.state_table import drawing


class State(StrEnum):
    """Where a session is."""

    IDLE = "idle"
    OPENING = "opening"
    """The socket is open; the server has not said ``session.created``. A bad key shows here."""
    CONFIGURING = "configuring"
    """Our configuration is sent; the server has not confirmed it."""
    READY = "ready"
    LOST = "lost"
    FAILED = "failed"
    CLOSED = "closed"


class Trigger(StrEnum):
    """What moves a session."""

    CONNECTED = "connected"
    CREATED = "created"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    FAULT = "fault"
    CLOSE = "close"


_ALIVE = (State.OPENING, State.CONFIGURING, State.READY)

TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (State.IDLE, Trigger.CONNECTED): State.OPENING,
    (State.OPENING, Trigger.CREATED): State.CONFIGURING,
    (State.CONFIGURING, Trigger.CONFIRMED): State.READY,
    **{(state, Trigger.DROPPED): State.LOST for state in _ALIVE},
    **{(state, Trigger.FAULT): State.FAILED for state in _ALIVE},
    **{(state, Trigger.CLOSE): State.CLOSED for state in State},
}


class IllegalTransitionError(ValueError):
    """The owner of a session used it against its life cycle: a mistake in our own code."""


def next_state(state: State, trigger: Trigger) -> State:
    """The state after ``trigger``.

    Raises:
        IllegalTransitionError: the table has no such step.
    """
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransitionError(
            f"A Realtime session that is {state} cannot take {trigger!s}. Use a new session for a new socket."
        ) from None


def mermaid() -> str:
    """Draw the table as a Mermaid state diagram."""
    steps = ((state, trigger, following) for (state, trigger), following in TRANSITIONS.items())
    return drawing((State.IDLE,), steps, (State.CLOSED,))
