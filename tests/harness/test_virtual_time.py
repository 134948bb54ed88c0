from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from tests.harness.virtual_time import NothingWillHappenError, run_virtual


def test_a_day_passes_at_once() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(86_400)
        return loop.time() - before

    began = time.monotonic()
    assert run_virtual(main) == pytest.approx(86_400)
    assert time.monotonic() - began < 5


def test_timers_fall_due_in_their_order() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        for delay, name in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
            loop.call_later(delay, seen.append, name)
        await asyncio.sleep(4)
        return seen

    assert run_virtual(main) == ["a", "b", "c"]


def test_a_socket_is_ready_before_time_jumps() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours, theirs:
            theirs.send(b"x")
            before = loop.time()
            async with asyncio.timeout(60):
                await loop.sock_recv(ours, 1)
            return loop.time() - before

    assert run_virtual(main) == 0


def test_time_stands_still_while_a_thread_works() -> None:
    async def main() -> bool:
        held = threading.Event()
        threading.Timer(0.05, held.set).start()
        async with asyncio.timeout(1):
            return await asyncio.get_running_loop().run_in_executor(None, held.wait)

    assert run_virtual(main)


def test_waiting_for_nothing_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingWillHappenError):
        run_virtual(main)


def test_a_timer_left_behind_fails_the_test() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(5, print)

    with pytest.raises(AssertionError, match="timer"):
        run_virtual(main)


def test_a_task_left_behind_fails_the_test() -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(5))
        main.task = task  # type: ignore[attr-defined]  # keeps it alive

    with pytest.raises(AssertionError, match="task"):
        run_virtual(main)


def test_an_exception_in_a_callback_fails_the_test() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.1)

    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run_virtual(main)
