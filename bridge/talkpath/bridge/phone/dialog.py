"""The life of a browser's call as a table: ``(state, event) -> (state, effects)``. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    """Where a call is."""

    OFFERED = "offered"
    """The browser waits for an answer, the worker for its model."""
    ANSWERED = "answered"
    """The browser has its answer, and connects."""
    TALKING = "talking"
    OVER = "over"


class Event(Enum):
    """What happens to a call."""

    ANSWER_ORDERED = "answer_ordered"
    CONNECTED = "connected"
    """ICE and DTLS have found a way: what the ACK is to SIP."""
    END_ORDERED = "end_ordered"
    """The worker refuses the call, or hangs up."""
    HUNG_UP = "hung_up"
    """The browser ended the call."""
    WAY_LOST = "way_lost"
    """Nothing comes from the browser any more, or nothing ever came."""
    WORKER_LOST = "worker_lost"
    STOPPED = "stopped"
    """The phone process ends."""


class Effect(Enum):
    """What is to be done."""

    ACCEPT = "accept"
    """Open the way to the lane, and answer."""
    CONFIRM = "confirm"
    CLOSE = "close"
    """Give everything back, and say that the call is over."""


Step = tuple[State, tuple[Effect, ...]]

_LIVE: Final = (State.OFFERED, State.ANSWERED, State.TALKING)
_ENDS: Final = (Event.END_ORDERED, Event.HUNG_UP, Event.WAY_LOST, Event.WORKER_LOST, Event.STOPPED)

TABLE: Final[dict[tuple[State, Event], Step]] = {
    (State.OFFERED, Event.ANSWER_ORDERED): (State.ANSWERED, (Effect.ACCEPT,)),
    (State.ANSWERED, Event.CONNECTED): (State.TALKING, (Effect.CONFIRM,)),
    **{(state, end): (State.OVER, (Effect.CLOSE,)) for state in _LIVE for end in _ENDS},
}
"""What is not in it changes nothing: messages cross each other."""


def step(state: State, event: Event) -> Step:
    """Look one transition up; a pair that is not in the table changes nothing."""
    return TABLE.get((state, event), (state, ()))
