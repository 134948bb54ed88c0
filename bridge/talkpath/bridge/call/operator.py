"""What the operator can do to a live call: transfer, hold or end it, tell its agent something, press keys.

The operator is whoever has the right to; nothing here comes from the caller or the model. An order that
cannot be carried out changes nothing and is answered with a `Denial`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from talkpath.bridge.call.machine import IN_CONVERSATION, Event, State
from talkpath.bridge.call.transfer_order import Denial
from talkpath.sip.headers import safe_text

if TYPE_CHECKING:
    from talkpath.bridge.call.abilities.send_dtmf import SendDtmf
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.transfer_order import TransferOrder
    from talkpath.bridge.observe.call_record import Cause

MAX_NOTE: Final = 2000
"""Characters of a note to the agent."""
MOVED: Final = (
    "The call was handed to another person: from now on you talk to somebody else. They have not heard what "
    "was said, and what you learned about who called does not hold for them. Wait until they speak."
)
"""What the agent is told when the other side exchanges who it talks to. It has no name in it: names are what
the other side writes, and would speak to the agent with the weight of a system message."""
_HAS_A_CALLER: Final = IN_CONVERSATION | {State.RECOVERING, State.GOODBYE, State.TRANSFERRING, State.HELD}
_TALKS: Final = IN_CONVERSATION | {State.GOODBYE}


class OperatedCall(Protocol):
    """The call."""

    state: State

    def happen(self, event: Event) -> None:
        """Take one step of the call's table."""

    def hang_up(self, cause: Cause) -> None:
        """End the call from our side."""


class Transferring(Protocol):
    """Who begins transfers."""

    def order(self, order: TransferOrder) -> Denial | None:
        """Begin a transfer, or say why there is none."""


class Operator:
    """The orders of one call.

    Args:
        call: The call.
        desk: Its transfers.
        line: Its agent.
        keys: Its keypad.
    """

    def __init__(self, call: OperatedCall, desk: Transferring, line: ModelLine, keys: SendDtmf) -> None:
        self._call = call
        self._desk = desk
        self._line = line
        self._keys = keys

    def transfer(self, order: TransferOrder) -> Denial | None:
        """Begin a transfer; its outcome stands in the call's record and on the log. None: it has begun."""
        return self._desk.order(order)

    def hang_up(self) -> None:
        """End the call, in whatever state it is."""
        self._call.hang_up("operator")

    def hold(self) -> Denial | None:
        """Put the caller on hold. None: they are."""
        if self._call.state is State.HELD:
            return Denial("not_now", "The caller is on hold already.")
        if self._call.state not in IN_CONVERSATION:
            return Denial("not_now", "A caller can be put on hold only while the agent has them.")
        self._call.happen(Event.HOLD_ASKED)
        return None

    def resume(self) -> Denial | None:
        """Give the caller back to the agent, which goes on; without a session, as after a loss of it."""
        if self._call.state is not State.HELD:
            return Denial("not_now", "The caller is not on hold.")
        alone = self._line.leg is None
        self._call.happen(Event.RESUMED_WITHOUT_AGENT if alone else Event.RESUME_ASKED)
        return None

    def note(self, text: str, *, respond: bool = True) -> Denial | None:
        """Tell the agent something.

        Args:
            text: What; the caller does not hear it.
            respond: Whether the agent shall say something about it at once. While the caller is not with
                the agent it is only noted.
        """
        plain = safe_text(text, MAX_NOTE).strip()
        if not plain:
            return Denial("invalid", "The note has no text.")
        if self._call.state not in _HAS_A_CALLER or not self._line.alive:
            return Denial("not_now", "No agent is on this call at the moment.")
        self._line.tell(plain, respond=respond and self._call.state in IN_CONVERSATION)
        return None

    def moved(self) -> None:
        """Tell the agent that it talks to somebody else; without a session, the next one begins with it."""
        if self._call.state in _HAS_A_CALLER:
            self._line.tell(MOVED, respond=False)

    def press(self, digits: str) -> Denial | None:
        """Press keys towards the caller: 0 to 9, ``*``, ``#``, A to D, and ``w`` or a comma for a pause."""
        if self._call.state not in _TALKS:
            return Denial("not_now", "Keys can be sent only while the agent has the caller.")
        busy = self._keys.obstacle()
        if busy:
            return Denial("not_now", busy)
        problem = self._keys.press(digits, _nobody_waits)
        return Denial("invalid", problem) if problem else None


def _nobody_waits(output: str, *, respond: bool = True) -> None:
    """The operator is not told when the last key is out."""
