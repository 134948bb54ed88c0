from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest

from talkpath.bridge.api.orders import Orders
from talkpath.bridge.api.problems import ApiError
from talkpath.sip import messages as m
from tests.harness.virtual_time import in_virtual_time


class Worker:
    def __init__(self, *, there: bool = True) -> None:
        self.there = there
        self.orders: list[m.Message] = []
        self.desk = Orders(self.tell)

    def tell(self, _process: str, message: m.Message) -> bool:
        self.orders.append(message)
        return self.there

    def give(self) -> asyncio.Task[None]:
        return asyncio.create_task(
            self.desk.give("worker-0", lambda number: m.EndCall(call="c-1", request=number))
        )


@in_virtual_time
async def test_an_order_is_done_when_its_own_answer_comes() -> None:
    worker = Worker()
    one, other = worker.give(), worker.give()
    await asyncio.sleep(0)
    first, second = (order.request for order in worker.orders if isinstance(order, m.EndCall))
    worker.desk.answered(m.OrderAnswered(call="c-1", request=second, verdict="done"))
    await other
    assert not one.done()
    worker.desk.answered(m.OrderAnswered(call="c-1", request=first, verdict="not_now", problem="Busy."))
    with pytest.raises(ApiError, match="Busy") as refusal:
        await one
    assert refusal.value.status is HTTPStatus.CONFLICT


@in_virtual_time
async def test_a_worker_that_is_silent_is_not_waited_for_and_its_late_answer_is_nobodys() -> None:
    worker = Worker()
    task = worker.give()
    with pytest.raises(ApiError, match="has not answered") as refusal:
        await task
    assert refusal.value.status is HTTPStatus.GATEWAY_TIMEOUT
    worker.desk.answered(m.OrderAnswered(call="c-1", request=1, verdict="done"))


@in_virtual_time
async def test_a_worker_that_dies_answers_for_the_call_that_died_with_it() -> None:
    worker = Worker()
    task = worker.give()
    await asyncio.sleep(0)
    worker.desk.lose("worker-1")
    worker.desk.lose("worker-0")
    with pytest.raises(ApiError, match="died") as refusal:
        await task
    assert refusal.value.status is HTTPStatus.NOT_FOUND


@in_virtual_time
async def test_a_worker_that_is_not_there_gets_no_order() -> None:
    with pytest.raises(ApiError, match="not there"):
        await Worker(there=False).give()
