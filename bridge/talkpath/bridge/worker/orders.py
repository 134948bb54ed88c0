"""Operators' orders about live calls: each is carried out by its call and answered once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from talkpath.bridge.call.transfer_order import Denial, TransferOrder
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from talkpath.bridge.call.operator import Operator
    from talkpath.bridge.call.runner import CallRunner
    from talkpath.bridge.listening.ears import Ears


class OrderDesk:
    """Gives each order to its call.

    Args:
        calls: The worker's calls by id.
        send: Sends a message to the supervisor.
        ears: Carries sound to who listens.
    """

    def __init__(
        self, calls: Mapping[str, CallRunner], send: Callable[[m.Message], None], ears: Ears
    ) -> None:
        self._calls = calls
        self._send = send
        self._ears = ears

    def take(self, order: m.CallOrder) -> None:
        """Carry out an order and answer it. What the call's code raises ends that call and no other."""
        runner = self._calls.get(order.call)
        if runner is None:
            self._answer(order, "no_call", "The call is over.")
            return
        runner.guarded(functools.partial(self._carry_out, runner, order))

    def _carry_out(self, runner: CallRunner, order: m.CallOrder) -> None:
        if isinstance(order, m.ListenCall):
            denial = self._listen(runner, order)
        else:
            denial = _perform(runner.operator, order)
        if denial is None:
            self._answer(order, "done")
        else:
            self._answer(order, denial.code, denial.sentence)

    def _listen(self, runner: CallRunner, order: m.ListenCall) -> Denial | None:
        if not order.on:
            self._ears.leave(order.call, order.listener)
        elif runner.lane < 0:
            return Denial("not_now", "The call has no sound yet.")
        else:
            self._ears.join(order.call, runner.lane, order.listener)
        runner.record.note("call", "", "listening" if order.on else "listening ends", order.who)
        return None

    def _answer(self, order: m.CallOrder, verdict: m.Verdict, problem: str = "") -> None:
        self._send(m.OrderAnswered(call=order.call, request=order.request, verdict=verdict, problem=problem))


def _perform(operator: Operator, order: m.CallOrder) -> Denial | None:
    match order:
        case m.EndCall():
            operator.hang_up()
            return None
        case m.HoldCaller(on=on):
            return operator.hold() if on else operator.resume()
        case m.TransferCall():
            return operator.transfer(
                TransferOrder(
                    target=order.target,
                    number=order.number.value,
                    mode=order.mode or None,
                    reason=order.reason.value,
                    summary=order.summary.value,
                )
            )
        case m.TellAgent(text=text, respond=respond):
            return operator.note(text.value, respond=respond)
        case m.PressKeys(digits=digits):
            return operator.press(digits.value)
        case _:
            return Denial("invalid", "The worker does not know this order.")
