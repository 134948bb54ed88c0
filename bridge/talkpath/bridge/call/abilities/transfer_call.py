"""``transfer_call``: the agent hands the caller to a human."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol

from talkpath.bridge.transfer.tool import ToolArgumentsError, TransferRequest, parse_transfer, transfer_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from talkpath.bridge.call.abilities.ability import Order
    from talkpath.bridge.config.transfer import TargetConfig

UNDER_WAY: Final = (
    '{"ok":true,"note":"The caller is being connected. Say nothing until you are told the outcome."}'
)
ANNOUNCE_IT: Final = (
    '{"ok":true,"note":"The caller is being connected. Tell them so now in one short sentence, and say '
    'nothing more until you are told the outcome."}'
)
"""The answer comes at once and the outcome later, as a message: a tool may not take minutes, and the session
that asked may be lost meanwhile."""


class Transferring(Protocol):
    """The call, as far as this tool is concerned."""

    def transfer(self, request: TransferRequest) -> str | None:
        """Begin a transfer, or say to the model why there is none; then the caller is not put on hold."""


class TransferCall:
    """Begins a transfer on the agent's wish.

    Args:
        targets: Those that the agent may use, at least one.
        call: Begins it.
    """

    def __init__(self, targets: Sequence[TargetConfig], call: Transferring) -> None:
        self.definition = transfer_tool(targets)
        self._names = [target.name for target in targets]
        self._call = call

    def carry_out(self, order: Order) -> None:
        """Begin the transfer; let the agent announce it if it has not."""
        try:
            request = parse_transfer(order.arguments, self._names)
        except ToolArgumentsError as error:
            order.answer(json.dumps({"ok": False, "error": str(error)}))
            return
        refusal = self._call.transfer(request)
        if refusal is not None:
            order.answer(refusal)
        else:
            order.answer(UNDER_WAY if order.spoken else ANNOUNCE_IT, respond=not order.spoken)
