"""Running tools: whatever they do, the model gets a string and the call goes on."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from talkpath.bridge.realtime.tool_results import MAX_OUTPUT
from talkpath.bridge.realtime.tool_runner import ToolRunner
from talkpath.bridge.realtime.tools import CallContext, ToolError, ToolRegistry, make_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL = CallContext("c-1")


def thread_name() -> str:
    return threading.current_thread().name


async def loop_name(call: CallContext) -> dict[str, str]:
    await asyncio.sleep(0)
    return {"call": call.call_id, "thread": threading.current_thread().name}


def add(first: int, second: int = 2) -> int:
    return first + second


def polite() -> None:
    raise ToolError("The shop is closed.")


def broken() -> None:
    raise KeyError("password 4711")


def long_winded() -> str:
    return "x" * 100_000


def unreadable() -> object:
    return object()


def leaves() -> None:
    sys.exit(3)


async def leaves_slowly() -> None:
    sys.exit(3)


def finds_nothing() -> str:
    return next(name for name in ("a", "b") if name == "c")


def decorated() -> object:
    async def inner() -> str:
        return "awaited"

    return inner()


async def endless() -> None:
    await asyncio.Event().wait()


@pytest.fixture
def runner() -> Iterator[ToolRunner]:
    """A pool that is closed after the test."""
    made = ToolRunner(threads=2, waiting=2)
    yield made
    made.close()


REGISTRY = ToolRegistry(
    make_tool(one)
    for one in (
        thread_name,
        loop_name,
        add,
        polite,
        broken,
        long_winded,
        unreadable,
        endless,
        leaves,
        leaves_slowly,
        finds_nothing,
        decorated,
    )
)


def run(runner: ToolRunner, name: str, **arguments: Any) -> str:
    return asyncio.run(runner.run(REGISTRY, name, arguments, CALL))


def error_of(output: str) -> str:
    return str(msgspec.json.decode(output)["error"])


def test_plain_functions_run_in_threads_and_coroutines_on_the_loop(runner: ToolRunner) -> None:
    assert run(runner, "thread_name").startswith("tool")
    assert msgspec.json.decode(run(runner, "loop_name")) == {"call": "c-1", "thread": "MainThread"}
    assert runner.counts == {"ok": 2}


def test_results_become_json_and_text_stays_text(runner: ToolRunner) -> None:
    assert run(runner, "add", first=1) == "3"


def test_the_words_of_a_tool_error_reach_the_model(runner: ToolRunner) -> None:
    assert error_of(run(runner, "polite")) == "The shop is closed."


def test_other_exceptions_reach_the_model_by_type_only(
    runner: ToolRunner, caplog: pytest.LogCaptureFixture
) -> None:
    output = run(runner, "broken")
    assert error_of(output) == "The tool failed: KeyError."
    assert "Traceback" not in output
    assert "4711" not in output
    assert "broken" in caplog.text


def test_unknown_tools_and_wrong_arguments_are_explained(runner: ToolRunner) -> None:
    assert "no tool named" in error_of(run(runner, "nothing"))
    assert "first" in error_of(run(runner, "add", first="x"))
    assert runner.counts == {"unknown": 1, "bad_arguments": 1}


def test_long_results_are_cut(runner: ToolRunner) -> None:
    output = run(runner, "long_winded")
    assert MAX_OUTPUT < len(output) < MAX_OUTPUT + 60
    assert output.endswith("… (cut: these are the first 16000 characters)")
    assert runner.counts == {"ok": 1, "output_cut": 1}


@pytest.mark.parametrize("name", ["leaves", "leaves_slowly", "finds_nothing"])
def test_a_tool_that_would_end_the_process_or_never_return_has_failed(runner: ToolRunner, name: str) -> None:
    for _ in range(5):  # more often than there are places in the pool
        assert error_of(run(runner, name)) == "The tool failed: RuntimeError."
    assert runner.counts == {"failed": 5}


def test_a_coroutine_behind_a_decorator_is_waited_for(runner: ToolRunner) -> None:
    assert run(runner, "decorated") == "awaited"


def test_results_that_are_no_json_are_an_error(runner: ToolRunner) -> None:
    assert "cannot be read" in error_of(run(runner, "unreadable"))


def test_a_tool_that_takes_too_long_is_given_up() -> None:
    runner = ToolRunner(timeout=0.05)
    assert "in time" in error_of(run(runner, "endless"))
    runner.close()


def test_late_threads_keep_their_place_and_more_work_is_refused() -> None:
    release = threading.Event()

    def stuck() -> str:
        release.wait(10)
        return "late"

    async def story() -> None:
        runner = ToolRunner(threads=1, waiting=1, timeout=0.05)
        registry = ToolRegistry([make_tool(stuck)])
        assert "in time" in error_of(await runner.run(registry, "stuck", {}, CALL))
        assert "Too many tools" in error_of(await runner.run(registry, "stuck", {}, CALL))
        release.set()
        while True:
            await asyncio.sleep(0)  # a refusal alone does not let the loop turn
            output = await runner.run(registry, "stuck", {}, CALL)
            if output == "late":
                break
        assert runner.counts["busy"] >= 1
        runner.close()

    asyncio.run(asyncio.wait_for(story(), 10))
