from __future__ import annotations

from openai.types.realtime import RealtimeFunctionTool

from talkpath.bridge.call.abilities.ability import Order
from talkpath.bridge.call.abilities.hang_up import ACCEPTED, HANG_UP, SAY_GOODBYE_FIRST, HangUp
from talkpath.bridge.realtime.tools import RESERVED


def hang_up(*, spoken: bool) -> list[object]:
    told: list[object] = []

    def answer(output: str, *, respond: bool = True) -> None:
        told.append((output, respond))

    HangUp(lambda: told.append("goodbye")).carry_out(Order({}, spoken, answer))
    return told


def test_after_a_goodbye_nothing_more_is_said() -> None:
    assert hang_up(spoken=True) == [(ACCEPTED, False), "goodbye"]


def test_without_a_goodbye_the_agent_is_asked_for_one() -> None:
    assert hang_up(spoken=False) == [(SAY_GOODBYE_FIRST, True), "goodbye"]


def test_its_definition_is_valid_and_its_name_taken() -> None:
    RealtimeFunctionTool.model_validate(HANG_UP.wire())
    assert HANG_UP.name in RESERVED
