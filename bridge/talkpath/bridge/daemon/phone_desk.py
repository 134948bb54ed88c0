"""The supervisor's side of the test phone: offers of browsers go in, answers or refusals come back."""

from __future__ import annotations

import asyncio
import collections
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 30.0
"""Seconds for an answer: the way to a model may be tried several times before the call is given up."""
REMEMBERED: Final = 100
"""Calls that are over and may still be hung up: the connection's end and the request cross each other."""
KEYS: Final = frozenset("0123456789*#ABCD")


class PhoneAnswered(NamedTuple):
    """The call of a browser that may connect now."""

    call: str
    sdp: str


class PhoneRefusedError(Exception):
    """There will be no call.

    Attributes:
        status: A SIP status, most of which HTTP understands.
        reason: Why, in a sentence.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class PhoneDesk:
    """Knows which calls browsers have, and who waits for an answer.

    Args:
        send: Sends a message to the phone process.
        ready: Whether it can take calls.
        agents: Who may be called at present.
    """

    def __init__(
        self,
        send: Callable[[m.Message], None],
        ready: Callable[[], bool],
        agents: Callable[[], tuple[str, ...]],
    ) -> None:
        self._ready = ready
        self._agents = agents
        self._send = send
        self._waiting: dict[str, asyncio.Future[PhoneAnswered]] = {}
        self._live: set[str] = set()
        self._over: collections.deque[str] = collections.deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        """Calls of browsers, answered or not."""
        return len(self._live)

    @property
    def agents(self) -> tuple[str, ...]:
        """Who may be called, the one to begin with first."""
        return self._agents()

    async def offer(self, agent: str, sdp: str) -> PhoneAnswered:
        """Call an agent for a browser, and wait until its model is there.

        Raises:
            PhoneRefusedError: there is no such agent, no room, no model, or the offer is of no use.
        """
        if agent not in self.agents:
            raise PhoneRefusedError(404, f"There is no agent {agent}; there are: {', '.join(self.agents)}.")
        if not self._ready():
            raise PhoneRefusedError(503, "The phone process is not running; it is started again.")
        call = f"c-{secrets.token_hex(8)}"
        answer: asyncio.Future[PhoneAnswered] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        self._live.add(call)
        self._send(m.PhoneOffer(call=call, agent=agent, sdp=sdp))
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError:
            self.hang_up(call)
            raise PhoneRefusedError(504, "The call was not answered in time.") from None
        except asyncio.CancelledError:  # the browser did not wait
            self.hang_up(call)
            raise
        finally:
            self._waiting.pop(call, None)

    def hang_up(self, call: str) -> bool:
        """End a call for its browser, unless it has just ended by itself; False: there is no such call."""
        if call in self._live:
            self._send(m.PhoneHangUp(call=call))
        return call in self._live or call in self._over

    def press(self, call: str, digit: str) -> bool:
        """Press a key of the telephone; False: there is no such call.

        Raises:
            ValueError: it is no key.
        """
        if digit not in KEYS:
            raise ValueError("A key is one of 0 to 9, *, #, A to D.")
        if call in self._live:
            self._send(m.PhoneDigit(call=call, digit=digit))
        return call in self._live

    # From the phone process -----------------------------------------------------------------------

    def message(self, message: m.AnyMessage) -> None:
        """See what the phone process says about its calls."""
        match message:
            case m.PhoneAnswer(call=call, sdp=sdp):
                self._settle(call, PhoneAnswered(call, sdp))
            case m.CallEnded(call=call, status=status, reason=reason):
                self._live.discard(call)
                self._over.append(call)
                self._settle(call, PhoneRefusedError(status, reason))
            case _:
                pass

    def lost(self) -> None:
        """The phone process died, and its calls with it."""
        for call in list(self._live):
            self._settle(call, PhoneRefusedError(503, "The phone process died; it is started again."))
        self._live.clear()

    def _settle(self, call: str, outcome: PhoneAnswered | PhoneRefusedError) -> None:
        answer = self._waiting.get(call)
        if answer is None or answer.done():
            return
        if isinstance(outcome, PhoneRefusedError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
