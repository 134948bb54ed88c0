"""Faults that a script or an option asks for: they come when and as often as they should."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from talkpath.bridge.simulator.faults import Break, Faults, Mute, Stall
from talkpath.bridge.simulator.reply import (
    Reply,
)
from talkpath.bridge.simulator.timeline import Close, Reset, StopReading
from tests.bridge.simulator.driving import Driver, Saying, speech


def test_the_session_expires_with_an_error_and_1001() -> None:
    driver = Driver(faults=Faults(session_limit_s=5))
    driver.wait(6)
    assert driver.error()["code"] == "session_expired"
    assert driver.ends == [Close(1001, "Your session hit the maximum duration of 60 minutes.")]
    driver.send("response.create")
    assert driver.frames[-1]["type"] == "error"


@pytest.mark.parametrize(("code", "end"), [(1011, Close(1011, "oops")), (None, Reset())])
def test_the_connection_breaks_at_the_chosen_event(code: int | None, end: Any) -> None:
    fault = Break(code=code, reason="oops", on="response.output_audio.delta", nth=2)
    driver = Driver(Saying(Reply((speech(3000),))), faults=Faults(breaks=(fault,)))
    driver.send("response.create")
    driver.run()
    assert driver.ends == [end]
    assert len(driver.of("response.output_audio.delta")) == 2


def test_a_stall_stops_the_audio_once_and_then_goes_on() -> None:
    driver = Driver(Saying(Reply((speech(3000),))), faults=Faults(stall=Stall(after_ms=1000, seconds=4)))
    driver.send("response.create")
    driver.run()
    times = [t for t, f in zip(driver.times, driver.frames, strict=True) if f["type"].endswith("audio.delta")]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert [round(gap) for gap in gaps if gap > 1] == [4]
    assert len(driver.audio()) == 3000 * 48


def test_chosen_responses_fail() -> None:
    driver = Driver(faults=Faults(fail_responses=((1, "insufficient_quota"),)))
    for _ in range(2):
        driver.send("response.create")
        driver.run()
    first, second = (f["response"] for f in driver.of("response.done"))
    assert first["status_details"]["error"]["code"] == "insufficient_quota"
    assert second["status"] == "completed"


def test_unknown_events_and_fields_and_doubled_limits_can_be_mixed_in() -> None:
    faults = Faults(unknown_events=True, extra_fields=True, duplicate_rate_limits=True)
    driver = Driver(faults=faults, check=False)
    driver.send("response.create")
    driver.run()
    assert driver.of("simulated.unknown_event")
    assert all("x_simulated_extra" in f for f in driver.frames if f["type"] != "simulated.unknown_event")
    assert len(driver.of("rate_limits.updated")) == 2


def test_a_time_without_reading_is_asked_for_when_it_comes() -> None:
    driver = Driver(faults=Faults(stop_reading=Mute(after_s=2, seconds=3)))
    assert driver.ends == [StopReading(3)]
    assert driver.now == pytest.approx(102)


def test_a_delayed_session_created_comes_late() -> None:
    driver = Driver(faults=Faults(session_created_delay_s=3))
    assert driver.times[0] == pytest.approx(103.005)


def test_transcriptions_can_come_after_the_response() -> None:
    driver = Driver(Saying(Reply((speech(200),))), faults=Faults(transcription_delay_s=8))
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    driver.speak(300)
    driver.hush(700)
    driver.run()
    assert driver.types()[-1].startswith("conversation.item.input_audio_transcription")
