"""The load tools as processes of their own, and the cores that everything lives on."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

PATIENCE_S: Final = 60.0
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def orderly_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end what is inside as Ctrl-C does: its processes end, its ports are free."""
    before = {number: signal.signal(number, _end) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: object) -> None:
    for each in _ENDING:  # a second one must not end the tidying up
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core carries what; None lets the system choose."""

    daemon: int | None
    generator: int | None
    model: int | None

    @staticmethod
    def choose() -> Cores:
        """The first core for the daemon, the next one or two for the tools."""
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            return Cores(None, None, None)
        return Cores(cores[0], cores[1], cores[min(2, len(cores) - 1)])


class Tool:
    """A load tool in a process of its own, with a pipe for orders."""

    def __init__(self, name: str, target: Any, *arguments: Any) -> None:
        context = mp.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._name = name
        self._process: BaseProcess = context.Process(
            target=target, args=_with_pipe(arguments, theirs), daemon=True, name=name
        )
        self._process.start()
        theirs.close()

    def tell(self, order: object) -> None:
        """Give an order."""
        self._pipe.send(order)

    def ask(self, order: object) -> Any:
        """Give an order and wait for the answer.

        Raises:
            RuntimeError: there was none.
        """
        self._pipe.send(order)
        if not self._pipe.poll(PATIENCE_S):
            raise RuntimeError(
                f"The {self._name} did not answer {type(order).__name__} in {PATIENCE_S:.0f} s."
            )
        return self._pipe.recv()

    def end(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(5.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


PIPE: Final = object()


def _with_pipe(arguments: tuple[Any, ...], pipe: Connection) -> tuple[Any, ...]:
    return tuple(pipe if argument is PIPE else argument for argument in arguments)
