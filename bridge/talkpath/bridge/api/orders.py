"""Orders that are under way to a worker, and who waits for their answers."""

from __future__ import annotations

import asyncio
import itertools
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from talkpath.sip import messages as m

from .problems import STATUS_OF, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 5.0
"""Seconds that a worker gets to answer."""


class Orders:
    """Sends orders and matches the answers.

    Args:
        tell: Sends a message to a process by its name; False: it is not there.
    """

    def __init__(self, tell: Callable[[str, m.Message], bool]) -> None:
        self._tell = tell
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[str, asyncio.Future[m.OrderAnswered]]] = {}

    async def give(self, process: str, make: Callable[[int], m.CallOrder]) -> None:
        """Give an order and wait until it is carried out.

        Args:
            process: The worker that has the call.
            make: Makes the order, with its number.

        Raises:
            ApiError: it was refused, or the worker does not answer.
        """
        number = next(self._numbers)
        future: asyncio.Future[m.OrderAnswered] = asyncio.get_running_loop().create_future()
        self._waiting[number] = process, future
        try:
            if not self._tell(process, make(number)):
                raise ApiError(HTTPStatus.NOT_FOUND, f"{process} is not there any more, nor is the call.")
            answer = await asyncio.wait_for(future, PATIENCE)
        except TimeoutError:
            sentence = f"{process} has not answered for {PATIENCE:.0f} s. See its log."
            raise ApiError(HTTPStatus.GATEWAY_TIMEOUT, sentence) from None
        finally:
            self._waiting.pop(number, None)
        if answer.verdict != "done":
            raise ApiError(STATUS_OF[answer.verdict], answer.problem)

    def answered(self, answer: m.OrderAnswered) -> None:
        """A worker has answered; too late: nobody waits any more."""
        _process, future = self._waiting.get(answer.request, ("", None))
        if future is not None and not future.done():
            future.set_result(answer)

    def lose(self, process: str) -> None:
        """A worker died: it will not answer."""
        sentence = f"{process} died, and the call with it."
        answer = m.OrderAnswered(call="", request=0, verdict="no_call", problem=sentence)
        for owner, future in self._waiting.values():
            if owner == process and not future.done():
                future.set_result(answer)
