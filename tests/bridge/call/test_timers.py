from __future__ import annotations

import asyncio

from talkpath.bridge.call.timers import CallTimers
from tests.harness.virtual_time import in_virtual_time


def fail() -> None:
    raise ZeroDivisionError


@in_virtual_time
async def test_a_timer_that_is_set_again_fires_once_and_later() -> None:
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    timers = CallTimers(loop, lambda action: action())
    start = loop.time()
    timers.set("a", 1.0, lambda: fired.append(loop.time() - start))
    timers.set("a", 3.0, lambda: fired.append(loop.time() - start))
    assert len(timers) == 1
    await asyncio.sleep(5)
    assert [round(at, 6) for at in fired] == [3.0]
    assert len(timers) == 0


@in_virtual_time
async def test_cancelled_timers_do_not_fire() -> None:
    timers = CallTimers(asyncio.get_running_loop(), lambda action: action())
    for name in ("a", "b", "c"):
        timers.set(name, 1.0, fail)
    timers.cancel("a")
    timers.cancel("a")
    timers.cancel_all()
    await asyncio.sleep(5)


@in_virtual_time
async def test_an_action_may_set_its_own_timer_anew() -> None:
    fired: list[int] = []
    timers = CallTimers(asyncio.get_running_loop(), lambda action: action())

    def again() -> None:
        fired.append(1)
        if len(fired) < 3:
            timers.set("a", 1.0, again)

    timers.set("a", 1.0, again)
    await asyncio.sleep(10)
    assert len(fired) == 3


@in_virtual_time
async def test_errors_go_to_the_guard() -> None:
    caught: list[Exception] = []

    def guard(action: object) -> None:
        try:
            action()  # type: ignore[operator]  # it is one
        except ZeroDivisionError as error:
            caught.append(error)

    timers = CallTimers(asyncio.get_running_loop(), guard)
    timers.set("a", 1.0, fail)
    await asyncio.sleep(2)
    assert len(caught) == 1
