"""An asyncio loop whose clock jumps to the next timer when nothing is ready: hours in milliseconds.

@in_virtual_time
async def test_a_day_passes() -> None:
    await asyncio.sleep(86_400)

Sockets work as always (a loopback packet is ready at once). While a thread of the loop's executor works, time
stands still, because nobody can know when it ends. A test that leaves tasks or timers behind fails, and so
does one that lets an exception reach the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import selectors
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

T = TypeVar("T")
P = ParamSpec("P")

START = 1_000.0
"""Seconds on the clock of a fresh loop."""
THREAD_SECONDS = 10.0
"""Real seconds that a thread may take."""


class NothingWillHappenError(AssertionError):
    """The test waits, and no timer, socket or thread is left that could end the waiting."""


class _JumpingSelector(selectors.DefaultSelector):
    """Asks the system what is ready; instead of waiting, moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.threads:
            ready = super().select(THREAD_SECONDS)
            if not ready:
                raise NothingWillHappenError(f"A thread did not end within {THREAD_SECONDS:g} s.")
            return ready
        if timeout is None:
            raise NothingWillHappenError("The test waits for something that nothing will bring.")
        self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop. ``problems`` are the exceptions that nobody caught."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self.problems: list[str] = []
        self.set_exception_handler(self._note_problem)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now

    def block(self, seconds: float) -> None:
        """Let time pass while nothing can run, as a callback does that keeps the loop."""
        self._jumping.now += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # typeshed's name for the same arguments
        """Stop the clock while the thread works."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._jumping.threads -= 1

    def _note_problem(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        self.problems.append(f"{context.get('message')}: {context.get('exception')!r}")

    def leaks(self) -> list[str]:
        """Tasks and timers that are still there."""
        timers = [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]  # no public way
        return [f"timer {timer!r}" for timer in timers] + [
            f"task {task!r}" for task in asyncio.all_tasks(self)
        ]


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end in virtual time.

    Raises:
        AssertionError: tasks or timers are left, or an exception reached the loop.
    """
    loop = VirtualTimeLoop()
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(main())
        loop.run_until_complete(_settle())
        assert not loop.problems, loop.problems
        assert not loop.leaks(), loop.leaks()
        return result
    finally:
        _cancel_all(loop)
        asyncio.set_event_loop(None)
        loop.close()


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a test of a coroutine."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_virtual(lambda: test(*args, **kwargs))

    return run


async def _settle() -> None:
    """Let what was cancelled end, and its callbacks run."""
    for _ in range(10):
        await asyncio.sleep(0)


def _cancel_all(loop: VirtualTimeLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(Exception):
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
