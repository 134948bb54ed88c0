"""``hang_up``: the agent ends the call, after its goodbye has been heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.realtime.settings import ToolDefinition

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.abilities.ability import Order

HANG_UP: Final = ToolDefinition(
    name="hang_up",
    description=(
        "End the call. Say goodbye first, in the same turn; the line is cut when the goodbye has been heard."
    ),
    parameters={
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "Why the call ends, in a few words, for the records."}
        },
        "required": [],
        "additionalProperties": False,
    },
)

ACCEPTED: Final = '{"ok":true}'
SAY_GOODBYE_FIRST: Final = '{"ok":true,"note":"Say a short goodbye now; the call ends after it."}'


class HangUp:
    """Ends the call on the agent's wish.

    Args:
        goodbye_asked: Tells the call to end once the last words have been played.
    """

    definition = HANG_UP

    def __init__(self, goodbye_asked: Callable[[], None]) -> None:
        self._goodbye_asked = goodbye_asked

    def carry_out(self, order: Order) -> None:
        """Ask for a goodbye if there was none, and let the call end after it."""
        order.answer(ACCEPTED if order.spoken else SAY_GOODBYE_FIRST, respond=not order.spoken)
        self._goodbye_asked()
