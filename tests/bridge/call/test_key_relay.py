"""Keys on their way from one far end to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from talkpath.bridge.call.abilities.send_dtmf import MAX_CHARACTERS
from talkpath.bridge.call.key_relay import KeyRelay

if TYPE_CHECKING:
    from talkpath.bridge.call.abilities.send_dtmf import SendDtmf


class Keypad:
    """Takes one order at a time; the test says when it is out."""

    def __init__(self) -> None:
        self.pressed: list[str] = []
        self.answer: Any = None

    def obstacle(self) -> str:
        return "busy" if self.answer is not None else ""

    def press(self, digits: str, answer: Any) -> str:
        self.pressed.append(digits)
        self.answer = answer
        return ""

    def finish(self) -> None:
        answer, self.answer = self.answer, None
        answer("{}")


def relay() -> tuple[KeyRelay, Keypad]:
    keypad = Keypad()
    return KeyRelay(cast("SendDtmf", keypad)), keypad


def test_a_key_goes_at_once_and_the_next_ones_together() -> None:
    to_human, keypad = relay()
    for digit in "123":
        to_human.take(digit)
    assert keypad.pressed == ["1"]
    keypad.finish()
    assert keypad.pressed == ["1", "23"]
    keypad.finish()
    assert keypad.pressed == ["1", "23"]


def test_of_too_many_keys_the_newest_go() -> None:
    to_human, keypad = relay()
    for _ in range(MAX_CHARACTERS + 10):
        to_human.take("7")
    keypad.finish()
    assert [len(digits) for digits in keypad.pressed] == [1, MAX_CHARACTERS]
