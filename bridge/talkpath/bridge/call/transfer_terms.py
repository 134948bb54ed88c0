"""What a call and its transfer are to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.abilities.send_dtmf import SendDtmf
    from talkpath.bridge.call.bookkeeping import Bookkeeping
    from talkpath.bridge.call.caller_hold import CallerHold
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.peer import Peer
    from talkpath.bridge.call.phone_leg import PhoneLeg
    from talkpath.bridge.call.services import Services
    from talkpath.bridge.call.timers import CallTimers
    from talkpath.bridge.transfer.vocabulary import State
    from talkpath.sip.messages import Header


class TransferOwner(Protocol):
    """The call."""

    def agent_talks(self) -> bool:
        """Whether the caller hears the agent, or will."""

    def transfer_over(self, state: State, *, hang_up: bool) -> None:
        """The transfer has ended.

        Args:
            state: One of the final ones.
            hang_up: A human has, or had, the caller: our leg to the caller is to be ended.
        """

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""


class Lent(NamedTuple):
    """What the call lends to its transfer."""

    call: str
    agent: str
    phone: PhoneLeg
    line: ModelLine
    timers: CallTimers
    books: Bookkeeping
    services: Services
    peer: Peer
    keys: SendDtmf
    hold: CallerHold
    headers: Callable[[], tuple[Header, ...]]
    """What our BYE and REFER tell the other side."""
