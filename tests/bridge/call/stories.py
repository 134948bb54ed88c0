"""What several stories of calls begin with, or look for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.bridge.realtime.connect_errors import ConnectError

if TYPE_CHECKING:
    from tests.bridge.call.world import World

DOWN = ConnectError("unreachable", "No connection to the model server.", retryable=True)
WRONG_KEY = ConnectError("http_401", "The model server refused the key.", retryable=False)

MONOLOGUE = {"reply": [{"monologue_s": 20}]}
AHA = {"reply": [{"say": "Aha."}]}


def goodbye(*before: dict[str, Any]) -> dict[str, Any]:
    """A turn in which the model hangs up."""
    return {"reply": [*before, {"call": "hang_up", "arguments": {"reason": "done"}}]}


def said(world: World) -> str:
    """What the newest model was told to say, all of it."""
    orders = world.model.asked("response.create")
    return " | ".join(order["response"].get("instructions", "") for order in orders)
