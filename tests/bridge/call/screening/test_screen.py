"""Stories of machines and humans who pick up, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.call.screening.judge import LONG_WORDS
from talkpath.bridge.call.screening.screen import MACHINE_NOTE
from talkpath.codecs.tones import sine
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.test_opening import notes, picked_up
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

Monkeypatch = pytest.MonkeyPatch
AHA = {"reply": [{"say": "Aha."}], "repeat": True}
RATE = 24_000
BEEP = sine(1000.0, 0.4, RATE)


def babble(seconds: float) -> NDArray[np.int16]:
    """Four syllables of noise in a second, and what is between them."""
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(3).normal(0, 3000, len(at))
    return np.asarray(noise * np.maximum(np.sin(2 * np.pi * 4 * at), 0), np.int16)


async def talk(world: World, seconds: float) -> None:
    """Somebody speaks."""
    await world.speak(babble(seconds))


def listens(world: World, call: str) -> bool:
    return world.worker.calls[call]._opening.screening is not None


def facts(world: World) -> tuple[str, str, str]:
    return world.record.answered_by, world.record.outcome, world.record.cause


def screens(how: str) -> dict[str, Any]:
    return {"outbound": {"answering_machine": how}}


@in_virtual_time
async def test_a_human_is_noted_and_nobody_is_told(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        before = len(notes(w))
        await talk(w, 1.0)
        await w.sleep(8)
        assert len(notes(w)) == before
        w.ended("o1")
    assert facts(w)[0] == "human"
    assert w.record.line()["answered_by"] == "human"
    assert w.value("calls_answered_by_total", agent="reception", by="human") == 1


@in_virtual_time
async def test_a_machine_hears_the_agent_once_it_has_beeped(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        await talk(w, LONG_WORDS + 1)
        assert MACHINE_NOTE in notes(w)
        quiet = w.loop.time()
        await w.sleep(0.9)
        await talk(w, 2.0)
        await w.sleep(0.5)
        await w.speak(BEEP)
        assert not w.phone.loud_after(quiet), "what the model said in the pause was not heard"
        await w.until(lambda: "has beeped" in notes(w)[-1], limit=0.2)
        beeped = w.loop.time()
        await w.until(lambda: w.phone.loud_after(beeped) > 5)
        await w.silence("o1")
        w.ended("o1")
    assert facts(w)[0] == "machine"
    assert w.value("calls_answered_by_total", agent="reception", by="machine") == 1


@in_virtual_time
async def test_a_machine_without_a_beep_hears_the_agent_after_some_quiet(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        await talk(w, LONG_WORDS + 2)
        stopped = w.loop.time()
        await w.until(lambda: "has stopped speaking" in notes(w)[-1], limit=2.5)
        assert not w.phone.loud_after(stopped)
        await w.until(lambda: w.phone.loud_after(stopped) > 5)
        await w.silence("o1")
        w.ended("o1")


@in_virtual_time
async def test_an_agent_that_shall_hang_up_on_machines_does(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=screens("hang_up"), script=[HELLO, AHA]) as w:
        await picked_up(w)
        await talk(w, LONG_WORDS + 1)
        await w.until(lambda: w.records, limit=1)
    assert facts(w) == ("machine", "completed", "answering_machine")


@in_virtual_time
async def test_a_short_machine_is_known_by_its_beep(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=screens("hang_up"), script=[HELLO, AHA]) as w:
        await picked_up(w)
        await talk(w, 1.5)
        await w.sleep(1.3)
        assert w.record_of("o1").answered_by == "human", "so it seemed"
        await w.speak(BEEP)
        await w.until(lambda: w.records, limit=1)
    assert facts(w) == ("machine", "completed", "answering_machine")


@in_virtual_time
async def test_who_does_not_want_to_know_is_not_told(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, agent=screens("ignore"), script=[HELLO, AHA]) as w:
        await picked_up(w)
        before = len(notes(w))
        await talk(w, LONG_WORDS + 1)
        await w.speak(BEEP)
        await w.sleep(3)
        assert len(notes(w)) == before
        w.ended("o1")
    assert facts(w)[0] == ""


@in_virtual_time
async def test_whoever_calls_us_is_not_listened_to(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await w.greeted()
        await talk(w, LONG_WORDS + 2)
        await w.sleep(3)
        assert not listens(w, "c1")
        w.ended()
    assert facts(w)[0] == ""


@in_virtual_time
async def test_the_listening_ends_with_the_first_words(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, script=[HELLO, AHA]) as w:
        await picked_up(w)
        await talk(w, 1.0)
        assert listens(w, "o1")
        await w.sleep(4)
        assert not listens(w, "o1")
        w.ended("o1")


@in_virtual_time
async def test_a_goodbye_into_the_words_of_a_machine_ends_the_call(monkeypatch: Monkeypatch) -> None:
    hang_up = {"reply": [{"call": "hang_up", "arguments": {}}], "repeat": True}
    async with World(monkeypatch, script=[hang_up]) as w:
        await picked_up(w)
        await talk(w, LONG_WORDS + 1)
        await w.until(lambda: w.records, limit=30)
    assert facts(w) == ("machine", "completed", "agent_hung_up")
