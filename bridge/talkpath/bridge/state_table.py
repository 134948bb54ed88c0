"""What the state tables of calls, transfers and sessions share: looking a step up, and the drawing.

A table maps ``(state, event)`` to what happens; a pair that is not in it has no meaning, and asking for it is
a mistake in our own code: what a network or a model can do at a bad moment has its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterable, Mapping

    Transition = tuple[enum.Enum, enum.Enum, enum.Enum]

StateT = TypeVar("StateT", bound="enum.Enum")
EventT = TypeVar("EventT", bound="enum.Enum")
StepT = TypeVar("StepT")


class IllegalEventError(Exception):
    """An event came that has no meaning in this state; the performer has a bug.

    Args:
        subject: What has the states, with its article, e.g. ``a call``.
        state: Where it is.
        event: What it cannot have there.
    """

    def __init__(self, subject: str, state: enum.Enum, event: enum.Enum) -> None:
        super().__init__(f"{subject} that is {state.value} cannot have {event.value}")
        self.state = state
        self.event = event


def look_up(
    subject: str, table: Mapping[tuple[StateT, EventT], StepT], state: StateT, event: EventT
) -> StepT:
    """Look one step up.

    Raises:
        IllegalEventError: the pair is not in the table.
    """
    try:
        return table[state, event]
    except KeyError:
        raise IllegalEventError(subject, state, event) from None


def drawing(
    starts: Iterable[enum.Enum], transitions: Iterable[Transition], finals: Iterable[enum.Enum]
) -> str:
    """Draw transitions as a Mermaid state diagram, with one arrow for all events between two states.

    Args:
        starts: The states that one may begin in.
        transitions: State, event, next state; those that change nothing are left out.
        finals: The states that nothing follows.
    """
    arrows: dict[tuple[str, str], list[str]] = {}
    for state, event, following in transitions:
        if following is not state:
            arrows.setdefault((state.value, following.value), []).append(event.value)
    return "\n".join(
        [
            "stateDiagram-v2",
            *(f"    [*] --> {state.value}" for state in starts),
            *(f"    {a} --> {b}: {' | '.join(events)}" for (a, b), events in arrows.items()),
            *(f"    {state.value} --> [*]" for state in finals),
            "",
        ]
    )
