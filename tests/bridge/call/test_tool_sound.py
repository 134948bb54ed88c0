"""Stories of tools that take their time, and of what the caller hears meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from talkpath.bridge.call.sounds import tool_sound
from talkpath.bridge.media.g711_law import ULAW
from talkpath.codecs.levels import level
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

Monkeypatch = pytest.MonkeyPatch
SLOW = {"reply": [{"call": "look_up", "arguments": {"order": "479"}}]}
FOUND = {"reply": [{"say": "I have found your bicycle."}], "output_of": "look_up"}


async def look_up(order: str) -> str:
    """Look an order up.

    Args:
        order: its number.
    """
    await asyncio.sleep(8)
    return order


def world(monkeypatch: Monkeypatch, sound: dict[str, Any]) -> World:
    return World(monkeypatch, script=[HELLO, SLOW, FOUND], tools=[look_up], agent={"sound": sound})


async def at_work(w: World) -> float:
    """The caller has asked, and the tool is at work; says since when."""
    await w.greeted()
    await w.whistle(0.6)
    await w.until(lambda: w.record_of("c1").tool_calls)
    return float(w.loop.time()) + 0.1


def samples(w: World, begin: float, end: float) -> np.ndarray:
    codes = b"".join(codes for at, codes in w.phone.heard if begin <= at < end)
    decoded: np.ndarray = ULAW.decode(np.frombuffer(codes, np.uint8))
    return decoded


@pytest.mark.parametrize("name", ["chime", "ticks"])
@in_virtual_time
async def test_a_slow_tool_is_heard_after_dead_air_until_the_agent_speaks(
    monkeypatch: Monkeypatch, name: str
) -> None:
    async with world(monkeypatch, {"tool_sound": name, "tool_sound_after": "2s"}) as w:
        began = await at_work(w)
        await w.sleep(7.5)
        assert np.abs(samples(w, began, began + 1.0)).max() < 50
        sounding = samples(w, began + 2.5, began + 7.5)
        assert -50 < level(sounding) < -36, "far below a voice"
        await w.until(lambda: not w.worker.plane.idle(0), limit=20)
        await w.sleep(0.5)
        await w.silence()
        over = w.loop.time() + 0.1
        await w.sleep(6)
        assert w.phone.loud_after(over) == 0
        w.ended()


@in_virtual_time
async def test_nothing_is_heard_unless_it_was_asked_for(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, {}) as w:
        began = await at_work(w)
        await w.sleep(7)
        assert w.phone.loud_after(began) == 0
        w.ended()


@in_virtual_time
async def test_a_call_that_ends_takes_the_sound_of_its_tool_along(monkeypatch: Monkeypatch) -> None:
    async with world(monkeypatch, {"tool_sound": "ticks"}) as w:
        await at_work(w)
        await w.sleep(4)
        w.ended()
        await w.sleep(1)
        assert not w.worker.plane._sounds._lanes


@in_virtual_time
async def test_gain_and_noise_of_an_agent_reach_its_callers(monkeypatch: Monkeypatch) -> None:
    levels = {}
    for gain in (0.0, 6.0):
        async with world(monkeypatch, {"gain": gain, "comfort_noise": -60}) as w:
            await w.greeted()
            quiet = w.loop.time()
            levels[gain] = float(level(samples(w, quiet - 1.0, quiet)))
            await w.sleep(1)
            assert -63 < level(samples(w, quiet + 0.1, quiet + 1)) < -57
            w.ended()
    assert levels[6.0] - levels[0.0] == pytest.approx(6, abs=1)


def test_sounds_of_tools_have_names_and_off_is_none() -> None:
    assert tool_sound("off") is None
    assert all(tool_sound(name) is not None for name in ("chime", "ticks"))
