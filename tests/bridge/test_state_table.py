from __future__ import annotations

import enum

import pytest

from talkpath.bridge.state_table import IllegalEventError, drawing, look_up


class Door(enum.Enum):
    OPEN = "open"
    SHUT = "shut"
    GONE = "gone"


class Push(enum.Enum):
    GENTLE = "gentle"
    HARD = "hard"
    AXE = "axe"


TABLE = {
    (Door.SHUT, Push.GENTLE): Door.SHUT,
    (Door.SHUT, Push.HARD): Door.OPEN,
    (Door.SHUT, Push.AXE): Door.GONE,
    (Door.OPEN, Push.AXE): Door.GONE,
    (Door.OPEN, Push.HARD): Door.GONE,
}


def test_a_step_that_is_in_the_table_is_found() -> None:
    assert look_up("a door", TABLE, Door.SHUT, Push.HARD) is Door.OPEN


def test_a_step_that_is_not_names_the_thing_the_state_and_the_event() -> None:
    with pytest.raises(IllegalEventError, match=r"^a door that is gone cannot have gentle$") as raised:
        look_up("a door", TABLE, Door.GONE, Push.GENTLE)
    assert (raised.value.state, raised.value.event) == (Door.GONE, Push.GENTLE)


def test_a_drawing_has_one_arrow_between_two_states_and_none_for_staying() -> None:
    steps = ((state, push, following) for (state, push), following in TABLE.items())
    assert drawing((Door.SHUT,), steps, (Door.GONE,)).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> shut",
        "    shut --> open: hard",
        "    shut --> gone: axe",
        "    open --> gone: axe | hard",
        "    gone --> [*]",
    ]
