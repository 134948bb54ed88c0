"""Keys that one of two joined far ends presses, on their way to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.abilities.send_dtmf import MAX_CHARACTERS

if TYPE_CHECKING:
    from talkpath.bridge.call.abilities.send_dtmf import SendDtmf


class KeyRelay:
    """One direction. A key that comes while others are on their way waits; of too many, the newest go.

    Args:
        keys: The keypad towards the far end.
    """

    def __init__(self, keys: SendDtmf) -> None:
        self._keys = keys
        self._waiting = ""

    def take(self, digit: str) -> None:
        """Pass on one key."""
        self._waiting = (self._waiting + digit)[:MAX_CHARACTERS]
        self._send()

    def _send(self) -> None:
        if self._waiting and not self._keys.obstacle():
            digits, self._waiting = self._waiting, ""
            self._keys.press(digits, lambda _output, *, respond=True: self._send())  # noqa: ARG005 - as `Answer` has it
