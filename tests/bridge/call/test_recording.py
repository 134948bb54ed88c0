"""Stories of calls that are recorded; the files are read by a reader that is not ours."""

from __future__ import annotations

import errno
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.recording.files import WaveFile, leftovers
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World, configuration
from tests.bridge.recording.sound import read
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from pathlib import Path

Monkeypatch = pytest.MonkeyPatch
RATE = 8_000


def recorded(folder: Path, mode: str = "always", **more: Any) -> dict[str, Any]:
    return {"recording": {"mode": mode, "directory": str(folder), **more}}


def tool(name: str) -> dict[str, Any]:
    """A turn in which the model calls a tool."""
    return {"reply": [{"call": name, "arguments": {}}]}


def announcement(folder: Path, seconds: float = 1.0) -> str:
    """A WAV file with a hum of 200 Hz."""
    path = folder / "announcement.wav"
    hum = 8_000 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * RATE)) / RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(hum.astype("<i2").tobytes())
    return str(path)


def loud(samples: Any) -> float:
    """Seconds of sound."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(np.int64)
    return float(np.count_nonzero(np.abs(frames).max(axis=1) > 500)) * 0.02


def answers(w: World) -> list[str]:
    """What the model was told about its tools."""
    return [
        event["item"]["output"]
        for event in w.model.asked("conversation.item.create")
        if event["item"]["type"] == "function_call_output"
    ]


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


@in_virtual_time
async def test_both_sides_of_a_call_are_kept_apart(monkeypatch: Monkeypatch, tmp_path: Path) -> None:
    async with World(monkeypatch, agent=recorded(tmp_path)) as w:
        await w.greeted()
        greeting = w.phone.loud_after(0) * 0.02
        await w.sleep(1.0)
        await w.whistle(0.6)
        await w.sleep(1.0)
        w.ended()
    both = read(only_file(tmp_path))
    assert w.record.recording == str(only_file(tmp_path))
    assert w.record.line()["recording"] == w.record.recording
    assert len(both) / RATE == pytest.approx(w.record.talk, abs=0.1)
    assert loud(both[:, 0]) == pytest.approx(0.6, abs=0.1)
    assert loud(both[:, 1]) >= greeting - 0.1
    whistled, talked = (np.flatnonzero(np.abs(both[:, side]) > 500) / RATE for side in (0, 1))
    assert whistled[0] > talked[0] + greeting
    assert w.value("recordings_total", result="started") == 1


@in_virtual_time
async def test_nothing_is_recorded_or_said_before_the_announcement_has_been_played(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    agent = recorded(calls, announcement=announcement(tmp_path))
    async with World(monkeypatch, agent=agent) as w:
        await w.answered()
        await w.sleep(0.5)
        assert not w.model.asked("response.create")
        assert not calls.exists()
        await w.until(lambda: w.model.asked("response.create"))
        assert w.phone.loud_after(0) in {49, 50}
        await w.silence()
        await w.sleep(1.0)
        w.ended()
    both = read(only_file(calls))
    assert len(both) / RATE == pytest.approx(w.record.talk - 1.0, abs=0.15)
    assert loud(both[:, 1]) > 0.5


@in_virtual_time
async def test_without_its_announcement_a_call_is_not_recorded_and_goes_on(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    (tmp_path / "no.wav").write_bytes(b"not sound")
    calls = tmp_path / "calls"
    async with World(monkeypatch, agent=recorded(calls, announcement=str(tmp_path / "no.wav"))) as w:
        await w.greeted()
        w.ended()
    assert not calls.exists()
    assert w.record.recording == ""
    assert w.record.outcome == "completed"
    assert w.value("recordings_total", result="not_announced") == 1


@in_virtual_time
async def test_a_call_that_ends_in_the_announcement_is_not_recorded(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    async with World(monkeypatch, agent=recorded(calls, announcement=announcement(tmp_path))) as w:
        await w.answered()
        await w.sleep(0.5)
        w.ended()
    assert not calls.exists()


@in_virtual_time
async def test_an_announcement_that_is_interrupted_is_played_again(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    async with World(monkeypatch, agent=recorded(calls, announcement=announcement(tmp_path))) as w:
        await w.answered()
        await w.sleep(0.5)
        w.model.drop()
        await w.until(lambda: len(w.models) == 2)
        await w.sleep(0.7)
        assert not calls.exists()
        await w.until(lambda: w.model.asked("response.create"))
        assert w.record_of("c1").recording
        await w.silence()
        w.ended()
    assert only_file(calls).exists()


@in_virtual_time
async def test_the_agent_pauses_and_the_pause_is_silence_of_the_same_length(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    script = [HELLO, tool("pause_recording"), HELLO, tool("resume_recording"), HELLO]
    async with World(monkeypatch, agent=recorded(tmp_path), script=script) as w:
        await w.greeted()
        recording = w.worker.calls["c1"]._recording
        await w.whistle(0.6)
        await w.until(lambda: recording.stage.value == "paused")
        await w.silence()
        await w.sleep(0.5)
        await w.whistle(0.8)
        await w.until(lambda: recording.stage.value == "running")
        await w.silence()
        await w.whistle(0.1)
        await w.sleep(0.5)
        w.ended()
    both = read(only_file(tmp_path))
    assert len(both) / RATE == pytest.approx(w.record.talk, abs=0.1)
    assert loud(both[:, 0]) == pytest.approx(0.7, abs=0.1)  # the second whistle is not there


@in_virtual_time
async def test_an_agent_starts_the_recording_itself_and_is_told_when_it_runs(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    agent = recorded(calls, "on_demand", announcement=announcement(tmp_path))
    async with World(monkeypatch, agent=agent, script=[HELLO, tool("start_recording"), HELLO]) as w:
        await w.greeted()
        assert not calls.exists()
        await w.whistle(0.6)
        await w.until(lambda: w.record_of("c1").recording)
        assert answers(w) == ['{"ok":true}']
        await w.silence()
        await w.sleep(0.5)
        w.ended()
    assert loud(read(only_file(calls))[:, 0]) < 0.1


@in_virtual_time
async def test_an_agent_whose_announcement_a_transfer_interrupts_is_told_that_nothing_is_recorded(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    own = recorded(calls, "on_demand", announcement=announcement(tmp_path, 5.0))
    sales = {"name": "sales", "description": "Orders.", "uri": "700", "mode": "blind"}
    transfer = {"target": "sales", "reason": "a bicycle", "summary": "Red."}
    both = {
        "reply": [
            {"say": "One moment."},
            {"call": "start_recording", "arguments": {}},
            {"call": "transfer_call", "arguments": transfer},
        ]
    }
    config = configuration({**own, "transfer": {"targets": ["sales"]}}, targets=[sales])
    async with World(monkeypatch, config=config, script=[HELLO, both, HELLO]) as w:
        await w.greeted()
        await w.whistle(0.6)
        await w.until(lambda: answers(w))
        assert w.state() == "transferring"
        assert "interrupted" in answers(w)[0]
        w.ended()
    assert not calls.exists()


@in_virtual_time
async def test_a_full_disk_ends_the_recording_and_not_the_call(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    class Full(WaveFile):
        def append(self, samples: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", len(samples))

    async with World(monkeypatch, agent=recorded(tmp_path)) as w:
        w.worker._services.recordings._make_file = Full
        await w.answered()
        recording = w.worker.calls["c1"]._recording
        await w.until(lambda: recording.stage.value == "failed", limit=1e6)
        await w.whistle(0.6)
        await w.silence()
        assert not w.worker.plane.tap.active
        w.ended()
    assert w.record.outcome == "completed"
    assert w.value("recordings_total", result="failed") == 1


@in_virtual_time
async def test_a_stop_completes_the_recordings_of_calls_that_do_not_end(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    async with World(monkeypatch, agent=recorded(tmp_path)) as w:
        await w.greeted()
        w.auto = False  # the SIP process never confirms the BYE
        w.worker.message(m.Stop())
        await w.sleep(1.0)
        await w.worker._complete_recordings()
        assert not list(leftovers(tmp_path))
        assert loud(read(only_file(tmp_path))[:, 1]) > 0.5
        w.ended()
