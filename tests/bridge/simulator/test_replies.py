"""Kinds of replies, transcription, silence, usage and formats; all in virtual time."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import FORMATS, LADDER_HZ, dominant_hz
from talkpath.bridge.simulator.reply import (
    Failure,
    FunctionCall,
    Incomplete,
    Reply,
    Text,
)
from tests.bridge.simulator.driving import Driver, Saying, speech


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
