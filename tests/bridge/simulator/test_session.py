"""Orders of events as documented, barge-in, and one response at a time; all in virtual time."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import FORMATS, LADDER_HZ, dominant_hz, tone_ladder
from talkpath.bridge.simulator.faults import Break, Faults, Mute, Stall, Timing
from talkpath.bridge.simulator.reply import (
    Failure,
    FunctionCall,
    Heard,
    Incomplete,
    Reply,
    Speech,
    Text,
    Turn,
)
from talkpath.bridge.simulator.timeline import Close, Reset, StopReading
from tests.bridge.simulator.driving import Driver

PCMU = {"format": {"type": "audio/pcmu"}}
USER_TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
OPENING = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
]
CLOSING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]


class Saying:
    """A persona with prepared replies, one after the other, the last one for ever."""

    name = "saying"
    blocking = False

    def __init__(self, *replies: Reply) -> None:
        self._replies = replies
        self.turns: list[Turn] = []

    def transcribe(self, heard: Heard) -> str:
        return f"{heard.duration_ms} ms"

    def reply(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        return self._replies[min(len(self.turns), len(self._replies)) - 1]


def speech(milliseconds: float, text: str = "one two three four five six", **more: Any) -> Speech:
    return Speech(tone_ladder(milliseconds), text, **more)


def without_repeats(types: list[str]) -> list[str]:
    """Deltas of words and audio interleave; keep the first of each."""
    return [t for i, t in enumerate(types) if not t.endswith(".delta") or t not in types[:i]]


def test_a_turn_of_the_caller_is_answered_in_the_documented_order() -> None:
    driver = Driver()
    driver.update(audio={"input": PCMU, "output": PCMU})
    driver.speak(600)
    driver.hush(700)
    driver.run()
    assert without_repeats(driver.types()) == [
        "session.created",
        "session.updated",
        *USER_TURN,
        *OPENING,
        *CLOSING,
    ]


def test_latencies_follow_the_recorded_ones() -> None:
    driver = Driver()
    asked = driver.now
    driver.send("response.create")
    driver.run()
    at = dict(zip(reversed([f["type"] for f in driver.frames]), reversed(driver.times), strict=True))
    assert at["response.created"] - asked == pytest.approx(0.060)
    assert at["response.output_item.added"] - asked == pytest.approx(0.300)
    assert at["response.output_audio.delta"] - asked == pytest.approx(0.450)
    assert at["rate_limits.updated"] - at["response.done"] == pytest.approx(0.035)


def test_audio_comes_ten_times_faster_than_real_time_in_chunks_with_an_odd_first_one() -> None:
    driver = Driver(Saying(Reply((speech(5000),))))
    driver.send("response.create")
    driver.run()
    deltas = [
        (t, f) for t, f in zip(driver.times, driver.frames, strict=True) if f["type"].endswith("audio.delta")
    ]
    sizes = [len(base64.b64decode(frame["delta"])) for _, frame in deltas]
    assert sizes[0] == 100 * 48 + 37 * 2
    assert set(sizes[1:-1]) == {12_000}
    assert sum(sizes) == 5000 * 48
    assert deltas[-1][0] - deltas[0][0] == pytest.approx(0.5, abs=0.05)


def test_words_run_ahead_of_the_audio_and_done_repeats_what_the_deltas_said() -> None:
    driver = Driver(Saying(Reply((speech(3000),))))
    driver.send("response.create")
    driver.run()
    types = [f["type"] for f in driver.frames]
    assert types.index("response.output_audio_transcript.delta") < types.index("response.output_audio.delta")
    words = [f["delta"] for f in driver.of("response.output_audio_transcript.delta")]
    assert "".join(words) == driver.last("response.output_audio_transcript.done")["transcript"]
    last_word = max(i for i, t in enumerate(types) if t == "response.output_audio_transcript.delta")
    assert types[last_word:].count("response.output_audio.delta") > 3


def test_the_name_announced_at_the_start_of_speech_is_the_committed_one() -> None:
    driver = Driver()
    for _ in range(2):
        driver.speak(400)
        driver.hush(800)
        driver.run()
    started = [f["item_id"] for f in driver.of("input_audio_buffer.speech_started")]
    committed = driver.of("input_audio_buffer.committed")
    assert started == [f["item_id"] for f in committed]
    assistant = driver.of("response.done")[0]["response"]["output"][0]["id"]
    assert [f["previous_item_id"] for f in committed] == [None, assistant]


def test_positions_count_appended_audio_even_when_it_comes_faster_than_real_time() -> None:
    driver = Driver()
    driver.update(
        audio={"input": {**PCMU, "turn_detection": {"type": "server_vad", "prefix_padding_ms": 200}}}
    )
    driver.hush(1000, pace=20)
    driver.speak(1000, pace=20)
    driver.hush(1000, pace=20)
    assert driver.last("input_audio_buffer.speech_started")["audio_start_ms"] == 800
    assert driver.last("input_audio_buffer.speech_stopped")["audio_end_ms"] == pytest.approx(2500, abs=20)


# ---- barge-in ------------------------------------------------------------------------------------------


def test_speech_during_generation_cancels_it_and_closes_everything() -> None:
    driver = Driver(Saying(Reply((speech(20_000, "word " * 60),))), timing=Timing(rate=1.5))
    driver.send("response.create")
    driver.wait(2)
    mark = len(driver.frames)
    driver.speak(300)
    started = driver.last("input_audio_buffer.speech_started")
    item = driver.last("response.output_audio.delta")["item_id"]
    driver.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=700)
    driver.hush(800)
    types = [t for t in driver.types(mark) if not t.endswith(".delta")]
    assert types[:7] == ["input_audio_buffer.speech_started", *CLOSING[:6]]
    assert types[7:9] == ["rate_limits.updated", "conversation.item.truncated"]
    assert types[9:13] == USER_TURN[1:]
    done = driver.of("response.done")[0]["response"]
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"][0]["status"] == "incomplete"
    assert done["output"][0]["id"] == item != started["item_id"]
    generated_ms = len(driver.audio(item)) / 48
    assert done["usage"]["output_token_details"]["audio_tokens"] == -(-int(generated_ms) // 50)
    assert driver.last("input_audio_buffer.committed")["previous_item_id"] == item


def test_speech_after_generation_brings_speech_started_alone() -> None:
    driver = Driver(Saying(Reply((speech(8000),))))
    driver.send("response.create")
    driver.run()
    mark = len(driver.frames)
    driver.speak(300)
    assert driver.types(mark) == ["input_audio_buffer.speech_started"]
    assert driver.of("response.done")[0]["response"]["status"] == "completed"


def test_without_interrupt_response_the_model_talks_on() -> None:
    driver = Driver(Saying(Reply((speech(20_000),))), timing=Timing(rate=2))
    vad = {"type": "server_vad", "interrupt_response": False, "create_response": False}
    driver.update(audio={"input": {"turn_detection": vad}})
    driver.send("response.create")
    driver.wait(1)
    driver.speak(400)
    driver.hush(800)
    driver.run()
    assert driver.last("response.done")["response"]["status"] == "completed"
    assert len(driver.of("input_audio_buffer.committed")) == len(driver.of("response.created")) == 1


def test_push_to_talk_commits_only_by_hand() -> None:
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": None}})
    driver.speak(500)
    driver.hush(1500)
    assert not driver.of("input_audio_buffer.speech_started")
    driver.send("input_audio_buffer.commit")
    assert driver.types()[-3:] == USER_TURN[2:]
    driver.send("response.create")
    driver.run()
    assert driver.last("response.done")["response"]["status"] == "completed"
    driver.send("input_audio_buffer.commit", event_id="mine")
    assert driver.error()["code"] == "input_audio_buffer_commit_empty"
    assert driver.error()["event_id"] == "mine"
    assert "buffer only has 0.00ms of audio." in driver.error()["message"]


# ---- one response at a time -----------------------------------------------------------------------------


def test_a_second_response_is_refused_while_one_is_active() -> None:
    driver = Driver()
    driver.send("response.create")
    driver.send("response.create", event_id="second")
    driver.wait(0.1)
    assert driver.error()["code"] == "conversation_already_has_active_response"
    assert driver.error()["event_id"] == "second"
    driver.run()
    assert len(driver.of("response.done")) == 1


def test_an_out_of_band_response_runs_beside_it_without_touching_the_conversation() -> None:
    driver = Driver()
    driver.send("response.create")
    given = {
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": {"purpose": "summary"},
        "input": [],
    }
    driver.send("response.create", response=given)
    driver.run()
    done = {str(f["response"]["metadata"]): f["response"] for f in driver.of("response.done")}
    aside = done["{'purpose': 'summary'}"]
    assert aside["conversation_id"] is None
    assert aside["output"][0]["content"][0]["type"] == "output_text"
    assert len(driver.of("conversation.item.added")) == 1
    assert len(driver.session.conversation.items) == 1


def test_cancel_ends_the_active_response_and_only_that() -> None:
    driver = Driver(Saying(Reply((speech(9000),))))
    driver.send("response.cancel")
    assert driver.error()["code"] == "response_cancel_not_active"
    driver.send("response.create")
    driver.wait(0.6)
    driver.send("response.cancel", response_id="resp_other")
    assert driver.error()["message"] == "Cancellation failed: no active response found"
    driver.send("response.cancel")
    driver.run()
    response = driver.last("response.done")["response"]
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert driver.last("response.content_part.done")["part"]["transcript"] == "".join(
        f["delta"] for f in driver.of("response.output_audio_transcript.delta")
    )


def test_cancel_before_the_first_item_still_sends_created_then_done() -> None:
    driver = Driver()
    driver.send("response.create")
    driver.send("response.cancel")
    driver.run()
    assert driver.types()[1:] == ["response.created", "response.done", "rate_limits.updated"]


# ---- kinds of replies -----------------------------------------------------------------------------------


def test_a_function_call_is_announced_filled_and_closed_in_order() -> None:
    persona = Saying(
        Reply((FunctionCall("get_weather", '{"city": "London"}'),)), Reply((speech(300, "Rain."),))
    )
    driver = Driver(persona)
    driver.send("response.create")
    driver.run()
    assert driver.types()[1:] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = driver.last("response.function_call_arguments.done")
    assert done["arguments"] == '{"city": "London"}'
    assert len(done["call_id"]) == 21
    output = {"type": "function_call_output", "call_id": done["call_id"], "output": "rain"}
    driver.send("conversation.item.create", item=output)
    assert driver.types()[-2:] == ["conversation.item.added", "conversation.item.done"]
    driver.send("response.create")
    driver.run()
    assert persona.turns[1].fresh_outputs() == [("get_weather", "rain")]


def test_a_preamble_and_a_call_overlap_as_recorded() -> None:
    reply = Reply(
        (speech(500, "Let me look.", phase="commentary"), FunctionCall("look", '{"what": "bicycle"}'))
    )
    driver = Driver(Saying(reply), model="gpt-realtime-2")
    driver.send("response.create")
    driver.run()
    types = [f["type"] for f in driver.frames]
    assert types.index("response.function_call_arguments.delta") < types.index("response.output_audio.done")
    first, second = driver.last("response.done")["response"]["output"]
    assert (first["phase"], second["type"]) == ("commentary", "function_call")
    assert driver.last("response.done")["response"]["usage"]["output_token_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize(
    ("part", "status", "detail"),
    [
        (
            Failure("rate_limit_exceeded", "slow down", "tokens"),
            "failed",
            ("error", "code", "rate_limit_exceeded"),
        ),
        (Incomplete("content_filter"), "incomplete", ("reason", None, "content_filter")),
    ],
)
def test_a_reply_may_end_badly(part: Any, status: str, detail: tuple[str, str | None, str]) -> None:
    driver = Driver(Saying(Reply((speech(400), part))))
    driver.send("response.create")
    driver.run()
    response = driver.last("response.done")["response"]
    assert response["status"] == status
    field, inner, value = detail
    found = response["status_details"][field]
    assert (found[inner] if inner else found) == value
    assert (response["usage"] is None) == (status == "failed")
    opened = len(driver.of("response.output_item.added"))
    assert opened == len(driver.of("response.output_item.done")) == 1


def test_max_output_tokens_ends_the_audio() -> None:
    driver = Driver(Saying(Reply((speech(10_000),))))
    driver.send("response.create", response={"max_output_tokens": 20})
    driver.run()
    assert len(driver.audio()) == 20 * 50 * 48
    response = driver.last("response.done")["response"]
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}


def test_a_text_session_gets_text_from_any_message() -> None:
    driver = Driver(Saying(Reply((speech(500, "Hello there."),)), Reply((Text("Written."),))))
    driver.update(output_modalities=["text"])
    for _ in range(2):
        driver.send("response.create")
        driver.run()
    assert [f["text"] for f in driver.of("response.output_text.done")] == ["Hello there.", "Written."]
    assert not driver.of("response.output_audio.delta")


def test_instructions_of_a_response_replace_those_of_the_session() -> None:
    persona = Saying(Reply((speech(200),)))
    driver = Driver(persona)
    driver.update(instructions="Be brief.")
    driver.send("response.create")
    driver.run()
    driver.send("response.create", response={"instructions": "Greet the caller."})
    driver.run()
    assert [(t.instructions, t.directed) for t in persona.turns] == [
        ("Be brief.", False),
        ("Greet the caller.", True),
    ]


# ---- transcription, silence, usage ----------------------------------------------------------------------


def test_the_callers_words_arrive_after_the_usual_latency_with_their_own_usage() -> None:
    driver = Driver(Saying(Reply((speech(200),))))
    driver.update(audio={"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}})
    driver.speak(400)
    driver.hush(700)
    driver.run()
    done = driver.last("conversation.item.input_audio_transcription.completed")
    words = [f["delta"] for f in driver.of("conversation.item.input_audio_transcription.delta")]
    assert "".join(words) == done["transcript"] == driver.session.conversation.items[0].text()
    assert done["usage"]["type"] == "tokens"
    assert done["usage"]["input_token_details"]["audio_tokens"] > 0


def test_a_silent_caller_is_noticed_after_the_playback_and_the_timeout() -> None:
    driver = Driver(Saying(Reply((speech(2000),))))
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
    driver.send("response.create")
    driver.wait(1.5)
    driver.hush(500, pace=10)
    mark = len(driver.frames)
    driver.run(8)
    assert driver.types(mark)[:5] == [
        "input_audio_buffer.timeout_triggered",
        "conversation.item.added",
        "conversation.item.done",
        "input_audio_buffer.committed",
        "conversation.item.added",
    ]
    assert driver.of("conversation.item.added")[-2]["item"]["role"] == "user"
    triggered = driver.times[[f["type"] for f in driver.frames].index("input_audio_buffer.timeout_triggered")]
    done = driver.times[[f["type"] for f in driver.frames].index("response.done")]
    assert triggered - done == pytest.approx(7.0, abs=0.01)


def test_usage_grows_with_the_conversation_and_the_old_part_is_cached() -> None:
    driver = Driver(Saying(Reply((speech(1000),))))
    for _ in range(3):
        driver.speak(400)
        driver.hush(700)
        driver.run()
    usages = [f["response"]["usage"] for f in driver.of("response.done")]
    for before, after in itertools.pairwise(usages):
        assert after["input_tokens"] > before["input_tokens"]
        cached = after["input_token_details"]["cached_tokens_details"]
        assert cached["text_tokens"] == before["input_token_details"]["text_tokens"]
        assert cached["audio_tokens"] == before["input_token_details"]["audio_tokens"]
    assert usages[0]["output_token_details"]["audio_tokens"] == 20


# ---- formats --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "per_ms"), [("audio/pcm", 48), ("audio/pcmu", 8), ("audio/pcma", 8)])
def test_the_ladder_comes_out_rung_by_rung_in_every_format(name: str, per_ms: int) -> None:
    driver = Driver(Saying(Reply((speech(1000),))))
    wire = {"type": name, "rate": 24000} if name == "audio/pcm" else {"type": name}
    driver.send("response.create", response={"audio": {"output": {"format": wire}}})
    driver.run()
    audio = driver.audio()
    assert len(audio) == 1000 * per_ms
    samples = FORMATS[name].decode(audio)
    rungs = np.array_split(samples, 5)
    found = [dominant_hz(rung[len(rung) // 8 : -len(rung) // 8], FORMATS[name].rate) for rung in rungs]
    assert found == pytest.approx(LADDER_HZ[:5], abs=8)


# ---- faults ---------------------------------------------------------------------------------------------


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
