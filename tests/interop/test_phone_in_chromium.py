"""The test phone in a real browser: Chromium speaks a WAV file into its microphone and plays the agent."""

from __future__ import annotations

import itertools
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.demo.voice import TELEPHONE_RATE, speak
from talkpath.bridge.simulator.audio import LADDER_HZ, convert
from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.chromium import Chromium
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import rungs_heard
from tests.harness.peers import wait_until
from tests.interop.test_phone_over_webrtc import PHONE, TOKEN, assert_baseline, url

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Page

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

QUESTION = "what are your opening hours"
TRANSCRIPTION = 'transcription = { model = "gpt-4o-mini-transcribe" }'
MICROPHONE_RATE = 48_000
LISTEN = """async () => {
  const context = new AudioContext();
  await context.resume();
  const stream = document.querySelector("audio").srcObject;
  const node = context.createScriptProcessor(4096, 1, 1);
  const heard = (window.heard = { rate: context.sampleRate, samples: [], loudUntil: 0 });
  node.onaudioprocess = (event) => {
    const block = event.inputBuffer.getChannelData(0);
    heard.samples.push(...block);
    if (block.some((sample) => Math.abs(sample) > 0.02)) heard.loudUntil = heard.samples.length;
  };
  context.createMediaStreamSource(stream).connect(node);
  node.connect(context.destination);
}"""
FINISHED = "() => heard.loudUntil > 0 && heard.samples.length - heard.loudUntil > heard.rate / 2"
HEARD = "() => ({ rate: heard.rate, samples: heard.samples.map((one) => Math.round(one * 32767)) })"


def write_speech(path: Path, samples: NDArray[np.int16], *, before_s: float) -> Path:
    """Write what the microphone hears: silence, the samples at 8 kHz, and silence."""
    spoken = convert(samples, TELEPHONE_RATE, MICROPHONE_RATE)
    silence = np.zeros(round(before_s * MICROPHONE_RATE), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_RATE)
        whole = np.concatenate([silence, spoken, np.zeros(20 * MICROPHONE_RATE, np.int16)])
        file.writeframes(whole.astype(np.int16).tobytes())
    return path


def enter(page: Page, token: str = TOKEN) -> None:
    """Give the token, by keyboard alone."""
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")


def talk(page: Page) -> None:
    page.get_by_role("button", name="Talk").click()
    page.get_by_role("status").get_by_text("Connected").wait_for()


def heard(page: Page) -> tuple[NDArray[np.int16], int]:
    got: dict[str, Any] = page.evaluate(HEARD)
    return np.array(got["samples"], np.int16), int(got["rate"])


def test_a_person_talks_to_the_agent_in_a_browser(tmp_path: Path) -> None:
    question = speak([QUESTION])[QUESTION]
    speech = write_speech(tmp_path / "speech.wav", question, before_s=8.0)
    with (
        RunningSimulator("agent") as model,
        Daemon(tmp_path, model_url=model.url, agent=TRANSCRIPTION, more=PHONE) as daemon,
        Chromium(speech=speech) as browser,
    ):
        page = browser.open(f"{url(daemon)}/phone")
        enter(page)
        talk(page)
        wait_until(
            lambda: any("open" in one["pii_text"].lower() for one in daemon.events("said", role="agent")),
            "the agent's answer",
            timeout_s=40,
            log=daemon.log,
        )
        words = page.get_by_role("log", name="What is said")
        words.get_by_text(QUESTION).wait_for()
        said = [one["pii_text"].lower().rstrip("?.") for one in daemon.events("said", role="caller")]
        page.get_by_role("button", name="Hang up").click()
        page.get_by_role("status").get_by_text("Call ended").wait_for()
        ended = daemon.wait_for("call_ended")
        assert_baseline(daemon)
        assert QUESTION in said, daemon.events("said")
    assert (ended["ended_by"], ended["outcome"], ended["codec"]) == ("caller", "completed", "G722")
    assert not browser.problems


def test_the_browser_plays_what_the_agent_says(tmp_path: Path) -> None:
    with (
        RunningSimulator(TonePersona(3_000)) as model,
        Daemon(tmp_path, model_url=model.url, more=PHONE) as daemon,
        Chromium(speech=write_speech(tmp_path / "silence.wav", np.zeros(8, np.int16), before_s=1)) as browser,
    ):
        page = browser.open(f"{url(daemon)}/phone")
        enter(page)
        talk(page)
        page.evaluate(LISTEN)
        wait_until(lambda: bool(page.evaluate(FINISHED)), "the greeting to be played", log=daemon.log)
        samples, rate = heard(page)
        page.get_by_role("button", name="Hang up").click()
        daemon.wait_for("call_ended")
        assert_baseline(daemon)
    rungs = rungs_heard(samples, rate=rate)
    assert len(rungs) >= 5
    assert {(after - before) % len(LADDER_HZ) for before, after in itertools.pairwise(rungs)} == {1}, rungs
