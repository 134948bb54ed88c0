"""Runs tools for all calls of a process: coroutines on the loop, plain functions in a few threads.

Whatever a tool does, the model gets a string: its result as JSON, or one sentence about its failure.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from talkpath.bridge.realtime.function_calls import error_output
from talkpath.bridge.realtime.tool_results import MAX_OUTPUT, as_text
from talkpath.bridge.realtime.tools import CallContext, ToolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from talkpath.bridge.realtime.tools import Tool, ToolRegistry

log = logging.getLogger(__name__)


class ToolRunner:
    """A bounded pool for the tools of one process.

    Args:
        threads: plain functions that may run at once.
        waiting: plain functions that may run or wait at once; more are refused, with a sentence.
        timeout: seconds for one tool. A thread that is late cannot be stopped: its result is dropped and
            it keeps its place in the pool until it returns.
        on_end: Told the call, the tool and the outcome of each run.
    """

    def __init__(
        self,
        *,
        threads: int = 16,
        waiting: int = 64,
        timeout: float = 14.0,
        on_end: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        """Runs by outcome: ``ok``, ``unknown``, ``bad_arguments``, ``failed``, ``timeout``, ``busy``."""
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="tool")
        self._places = waiting
        self._timeout = timeout
        self._on_end = on_end

    async def run(
        self,
        registry: ToolRegistry,
        name: str,
        arguments: dict[str, Any],
        call: CallContext,
        *,
        seconds: float | None = None,
        on_failure: Callable[[], None] | None = None,
    ) -> str:
        """Run a tool and return what to tell the model. Raises nothing but cancellation.

        ``seconds`` is how long it may take; None: as long as any. ``on_failure`` is called when the model
        gets a sentence instead of a result.
        """
        patience = self._timeout if seconds is None else seconds
        output, outcome = await self._attempt(registry, name, arguments, call, patience)
        if on_failure is not None and outcome != "ok":
            on_failure()
        if self._on_end is not None:
            self._on_end(call.call_id, name, outcome)
        return output

    async def _attempt(
        self, registry: ToolRegistry, name: str, arguments: dict[str, Any], call: CallContext, seconds: float
    ) -> tuple[str, str]:
        tool = registry.get(name)
        if tool is None:
            return self._refuse("unknown", f"There is no tool named {name[:64]!r}.")
        try:
            positional, keywords = tool.bind(arguments, call)
        except ToolError as error:
            return self._refuse("bad_arguments", str(error))
        try:
            result = await asyncio.wait_for(self._start(tool, positional, keywords), seconds)
        except ToolBusyError:
            return self._refuse("busy", "Too many tools are running. Try again in a moment.")
        except ToolError as error:
            return self._refuse("failed", str(error) or "The tool failed.")
        except TimeoutError:
            return self._refuse("timeout", "The tool did not answer in time.")
        except Exception as error:  # the root of somebody else's code: the call must go on
            log.exception("The tool %s failed", name)
            return self._refuse("failed", f"The tool failed: {type(error).__name__}.")
        return self._encode(name, result)

    def close(self) -> None:
        """Take no more work; threads that are running end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _start(self, tool: Tool, positional: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if tool.is_async:
            return await _contained(tool.function(*positional, **keywords))
        if self._places <= 0:
            raise ToolBusyError
        self._places -= 1
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, functools.partial(_call, tool.function, positional, keywords))
        # The place is free when the thread is, not when we stop waiting for it.
        work.add_done_callback(self._free_place)
        result = await asyncio.shield(work)
        # A coroutine function behind a decorator looks like a plain one.
        return await _contained(result) if inspect.isawaitable(result) else result

    def _free_place(self, work: asyncio.Future[Any]) -> None:
        self._places += 1
        if not work.cancelled():
            work.exception()

    def _refuse(self, outcome: str, sentence: str) -> tuple[str, str]:
        self.counts[outcome] += 1
        return error_output(sentence[:1000]), outcome

    def _encode(self, name: str, result: Any) -> tuple[str, str]:
        try:
            text = as_text(result)
        except (ValueError, RecursionError) as error:
            log.warning("The tool %s returned something that is not JSON: %s", name, error)
            return self._refuse("failed", "The tool returned something that cannot be read.")
        self.counts["ok"] += 1
        if len(text) > MAX_OUTPUT:
            self.counts["output_cut"] += 1
        return text, "ok"


def _call(function: Callable[..., Any], positional: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Call a function in its thread; a future can carry everything that this raises.

    Raises:
        RuntimeError: instead of `StopIteration`, which would leave the future open for ever, and of
            `SystemExit`, which would end this process with all its calls.
    """
    try:
        return function(*positional, **keywords)
    except (StopIteration, SystemExit) as error:
        raise RuntimeError(f"it raised {type(error).__name__}") from error


async def _contained(work: Awaitable[Any]) -> Any:
    """Wait for a coroutine; it cannot end this process.

    Raises:
        RuntimeError: instead of `SystemExit`.
    """
    try:
        return await work
    except SystemExit as error:
        raise RuntimeError("it raised SystemExit") from error


class ToolBusyError(Exception):
    """No place in the pool."""
