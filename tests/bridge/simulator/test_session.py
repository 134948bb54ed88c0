"""Orders of events as documented, barge-in, and one response at a time; all in virtual time."""

from __future__ import annotations

import base64

import pytest

from talkpath.bridge.simulator.faults import Timing
from talkpath.bridge.simulator.reply import (
    Reply,
)
from tests.bridge.simulator.driving import Driver, Saying, speech

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


def test_clearing_forgets_what_was_said_before_it_is_committed() -> None:
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": None}})
    driver.speak(500)
    driver.send("input_audio_buffer.clear")
    assert driver.types()[-1] == "input_audio_buffer.cleared"
    driver.send("input_audio_buffer.commit")
    assert driver.error()["code"] == "input_audio_buffer_commit_empty"


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
