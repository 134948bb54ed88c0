"""``send_dtmf``: the agent presses keys, for the menus of whoever it talks to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal, Protocol

from talkpath.bridge.media.dialling import PAUSES, is_dialable, plan
from talkpath.bridge.media.lane import FRAME_SECONDS
from talkpath.bridge.realtime.settings import ToolDefinition

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.abilities.ability import Answer, Order
    from talkpath.bridge.call.timers import CallTimers

MAX_CHARACTERS: Final = 32

SEND_DTMF: Final = ToolDefinition(
    name="send_dtmf",
    description=(
        "Press keys on the telephone (DTMF), for a menu or an extension. What you have said is heard first; "
        "you get the answer when all keys are out."
    ),
    parameters={
        "type": "object",
        "properties": {
            "digits": {
                "type": "string",
                "description": (
                    "The keys in order: 0 to 9, *, #, A to D; w is a pause of half a second, a comma one of "
                    f"two seconds. At most {MAX_CHARACTERS}."
                ),
            }
        },
        "required": ["digits"],
        "additionalProperties": False,
    },
)

Mode = Literal["auto", "rfc4733", "info"]

SENT: Final = '{"ok":true}'
TONE_MS: Final = 160
"""How long a key that travels as INFO is said to be held."""
_GAP_SECONDS: Final = 0.25  # from the answer to one INFO to the next
_PATIENCE: Final = 10.0  # beyond the time that it should take: hold, lost answers
_TIMER: Final = "send_dtmf"


class Keys(Protocol):
    """The ways on which keys leave a call."""

    @property
    def takes_events(self) -> bool:
        """Whether telephone events (RFC 4733) were negotiated."""

    @property
    def queued_seconds(self) -> float:
        """Speech still to be heard."""

    def dial(self, digits: str) -> None:
        """Send all of them as telephone events."""

    def stop_dialling(self) -> None:
        """Send no more of them."""


class SendDtmf:
    """Sends keys on the agent's wish, one order at a time.

    Args:
        mode: Which way to take; ``auto``: telephone events where the far end takes them, else SIP INFO.
        keys: The call's lane.
        send_info: Sends one key and its milliseconds as SIP INFO; `info_answered` follows.
        timers: The call's timers.
    """

    definition = SEND_DTMF

    def __init__(
        self, mode: Mode, keys: Keys, send_info: Callable[[str, int], None], timers: CallTimers
    ) -> None:
        self._mode = mode
        self._keys = keys
        self._send_info = send_info
        self._timers = timers
        self._answer: Answer | None = None
        self._left = ""  # of those that go as INFO
        self._waits_for_info = False

    def carry_out(self, order: Order) -> None:
        """Begin to send, or say why not."""
        problem = self.press(order.arguments.get("digits"), order.answer)
        if problem:
            order.answer(_failed(problem))

    def press(self, wanted: object, answer: Answer) -> str:
        """Begin to send keys.

        Args:
            wanted: The keys, to be checked.
            answer: Told when they are out, or cannot be sent after all.

        Returns:
            Why they cannot be sent; empty when they are on their way.
        """
        digits = _keys_in(wanted)
        problem = _problem(digits) or self.obstacle()
        if problem:
            return problem
        self._answer = answer
        if self._by_info():
            self._left = digits
            self._wait(self._keys.queued_seconds, self._next)
        else:
            seconds = len(plan(digits)) * FRAME_SECONDS + self._keys.queued_seconds
            self._keys.dial(digits)
            self._wait(seconds + _PATIENCE, self._too_long)
        return ""

    def events_sent(self, *, complete: bool) -> None:
        """The media plane has nothing more to send."""
        if complete:
            self._finish(SENT)
        else:
            self._finish(_failed("The far end stopped taking keys; not all of them were sent."))

    def info_answered(self, status: int) -> None:
        """The far end has answered the INFO, or something stood in for it."""
        if not self._waits_for_info:
            return
        self._waits_for_info = False
        if status < 300:
            self._wait(_GAP_SECONDS, self._next)
        else:
            self._finish(_failed(f"The far end did not take a key (SIP status {status}). Say it instead."))

    def obstacle(self) -> str:
        """Why no keys can be sent at the moment; empty: nothing is in the way."""
        if self._answer is not None:
            return "Keys are being sent already. Wait for the answer, then send the next."
        if self._mode == "rfc4733" and not self._keys.takes_events:
            return "The far end takes no keys on this call."
        return ""

    def _by_info(self) -> bool:
        return self._mode == "info" or (self._mode == "auto" and not self._keys.takes_events)

    def _next(self) -> None:
        """Send the next key as INFO, or let the next pause pass."""
        if not self._left:
            self._finish(SENT)
            return
        character, self._left = self._left[0], self._left[1:]
        if character in PAUSES:
            self._wait(PAUSES[character], self._next)
            return
        self._waits_for_info = True
        self._wait(_PATIENCE, self._too_long)
        self._send_info(character, TONE_MS)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timers.set(_TIMER, seconds, then)

    def _too_long(self) -> None:
        self._keys.stop_dialling()
        self._finish(_failed("The keys could not be sent in time; the call may be on hold."))

    def _finish(self, output: str) -> None:
        answer, self._answer = self._answer, None
        self._left, self._waits_for_info = "", False
        self._timers.cancel(_TIMER)
        if answer is not None:
            answer(output)


def _keys_in(value: object) -> str:
    """What the model wrote, without the spaces that people put between groups."""
    text = value if isinstance(value, str) else ""
    return "".join(
        character if character in PAUSES else character.upper() for character in text.replace(" ", "")
    )


def _problem(digits: str) -> str:
    """Why these cannot be sent; empty if they can. The keys themselves are private and not repeated."""
    if not digits:
        return "There are no keys to send. Give digits, for example 1 or 123#."
    if len(digits) > MAX_CHARACTERS:
        return (
            f"These are {len(digits)} keys; at most {MAX_CHARACTERS} can be sent at once. Send them in parts."
        )
    if not all(map(is_dialable, digits)):
        return (
            "There is a character that no telephone has. Use 0 to 9, *, #, A to D, and w or a comma to pause."
        )
    return ""


def _failed(sentence: str) -> str:
    return json.dumps({"error": sentence})
