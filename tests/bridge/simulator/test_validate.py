"""Strict validation: codes and parameter paths, and nothing applied when anything is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.simulator.validate import Rejected, parse_event
from tests.bridge.simulator.driving import Driver

GOOD = {"type": "realtime"}


def rejected(event: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        parse_event(event if isinstance(event, str | bytes) else json.dumps(event))
    return caught.value


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({"modalities": ["text", "audio"]}, "missing_required_parameter", "session.type"),
        ({**GOOD, "modalities": ["audio"]}, "unknown_parameter", "session.modalities"),
        ({**GOOD, "input_audio_format": "g711_ulaw"}, "unknown_parameter", "session.input_audio_format"),
        ({**GOOD, "bogus_field": 1}, "unknown_parameter", "session.bogus_field"),
        ({**GOOD, "audio": {"input": {"bogus": 1}}}, "unknown_parameter", "session.audio.input.bogus"),
        ({**GOOD, "output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        ({**GOOD, "output_modalities": ["video"]}, "invalid_value", "session.output_modalities[0]"),
        (
            {**GOOD, "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "integer_below_min_value",
            "session.audio.input.format.rate",
        ),
        (
            {**GOOD, "audio": {"output": {"format": {"type": "audio/pcmu", "rate": 8000}}}},
            "unknown_parameter",
            "session.audio.output.format.rate",
        ),
        (
            {**GOOD, "audio": {"output": {"format": {"type": "g711_ulaw"}}}},
            "invalid_value",
            "session.audio.output.format.type",
        ),
        (
            {**GOOD, "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 1.5}}}},
            "decimal_above_max_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {**GOOD, "audio": {"input": {"turn_detection": {"type": "none"}}}},
            "invalid_value",
            "session.audio.input.turn_detection.type",
        ),
        (
            {**GOOD, "audio": {"input": {"turn_detection": {"threshold": 0.5}}}},
            "missing_required_parameter",
            "session.audio.input.turn_detection.type",
        ),
        ({**GOOD, "audio": {"output": {"voice": "nobody"}}}, "invalid_value", "session.audio.output.voice"),
        (
            {**GOOD, "audio": {"output": {"speed": 2.0}}},
            "decimal_above_max_value",
            "session.audio.output.speed",
        ),
        ({**GOOD, "max_output_tokens": 5000}, "integer_above_max_value", "session.max_output_tokens"),
        ({**GOOD, "instructions": 5}, "invalid_type", "session.instructions"),
        (
            {**GOOD, "tools": [{"type": "function", "function": {"name": "f"}}]},
            "missing_required_parameter",
            "session.tools[0].name",
        ),
        (
            {**GOOD, "tools": [{"type": "mcp", "server_label": "a", "server_url": "u", "connector_id": "c"}]},
            "invalid_value",
            "session.tools",
        ),
        ({**GOOD, "tool_choice": "sometimes"}, "invalid_value", "session.tool_choice"),
    ],
)
def test_a_bad_update_is_refused_with_code_and_path(session: Any, code: str, param: str) -> None:
    found = rejected({"type": "session.update", "session": session, "event_id": "mine"})
    assert (found.code, found.param, found.event_id) == (code, param, "mine")


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        (b"\x00", "invalid_event", None),
        ({}, "missing_required_parameter", "type"),
        ({"type": "response.audio.delta"}, "invalid_value", "type"),
        ({"type": ["x"]}, "invalid_value", "type"),
        ({"type": "transcription_session.update"}, "invalid_value", "type"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_type", "audio"),
        ({"type": "input_audio_buffer.commit", "x": 1}, "unknown_parameter", "x"),
        (
            {"type": "response.create", "response": {"modalities": ["text"]}},
            "unknown_parameter",
            "response.modalities",
        ),
        (
            {"type": "response.create", "response": {"metadata": {"k": "v" * 513}}},
            "string_above_max_length",
            None,
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [{"type": "text"}]},
            },
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "nobody", "content": []},
            },
            "invalid_value",
            "item.role",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "c", "output": {}},
            },
            "invalid_type",
            "item.output",
        ),
        (
            {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0},
            "missing_required_parameter",
            "audio_end_ms",
        ),
    ],
)
def test_a_bad_event_is_refused_with_code_and_path(event: Any, code: str, param: str | None) -> None:
    found = rejected(event)
    assert found.code == code
    if param is not None:
        assert found.param == param


def test_unknown_types_are_answered_with_the_supported_ones() -> None:
    assert "'session.update'" in rejected({"type": "nothing"}).message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["session", "item", "response", "audio", "item_id", "tools", "content_index", "event_id"]
)


@given(
    st.sampled_from(
        ["session.update", "conversation.item.create", "response.create", "input_audio_buffer.append"]
    ),
    st.dictionaries(FIELDS, JSON, max_size=3),
)
def test_no_json_breaks_the_session(event_type: str, fields: dict[str, Any]) -> None:
    driver = Driver(TonePersona(100), check=False)
    driver.send(event_type, **fields)
    assert len(driver.frames) >= 1


def test_one_bad_field_discards_the_whole_update() -> None:
    driver = Driver()
    driver.update(instructions="new", audio={"output": {"format": {"type": "audio/pcmu"}, "speed": 9.0}})
    assert driver.error()["param"] == "session.audio.output.speed"
    assert not driver.of("session.updated")
    assert driver.session.session == driver.of("session.created")[0]["session"]


def test_updates_merge_deeply_and_null_clears_where_it_may() -> None:
    driver = Driver()
    driver.update(
        audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}, instructions="a"
    )
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}})
    vad = driver.session.session["audio"]["input"]["turn_detection"]
    assert (vad["threshold"], vad["silence_duration_ms"], vad["prefix_padding_ms"]) == (0.7, 300, 300)
    driver.update(
        audio={"input": {"turn_detection": {"type": "semantic_vad"}, "format": None}, "output": None}
    )
    effective = driver.session.session["audio"]
    assert set(effective["input"]["turn_detection"]) == {
        "type",
        "eagerness",
        "create_response",
        "interrupt_response",
    }
    assert effective["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert effective["output"]["voice"] == "marin"
    driver.update(audio={"input": {"turn_detection": None}}, instructions="")
    assert driver.session.session["audio"]["input"]["turn_detection"] is None
    assert driver.session.session["instructions"] == ""


def test_the_voice_is_locked_after_the_first_audio() -> None:
    driver = Driver()
    driver.update(audio={"output": {"voice": "cedar"}})
    driver.send("response.create")
    driver.run()
    driver.update(audio={"output": {"voice": "cedar"}})
    driver.update(audio={"output": {"voice": "marin"}}, instructions="lost")
    assert driver.error()["code"] == "cannot_update_voice"
    assert driver.session.session["instructions"] != "lost"
    assert len(driver.of("session.updated")) == 2


def test_reasoning_is_refused_by_models_that_do_not() -> None:
    driver = Driver(model="gpt-realtime")
    driver.update(reasoning={"effort": "low"})
    assert driver.error()["param"] == "session.reasoning"
    driver = Driver(model="gpt-realtime-2.1")
    driver.update(reasoning={"effort": "low"})
    assert driver.of("session.updated")


def test_the_model_cannot_change_but_may_be_repeated() -> None:
    driver = Driver(model="gpt-realtime")
    driver.update(model="gpt-realtime")
    driver.update(model="gpt-realtime-2")
    assert driver.error()["param"] == "session.model"
    assert len(driver.of("session.updated")) == 1


def test_bad_base64_is_refused() -> None:
    driver = Driver()
    driver.send("input_audio_buffer.append", audio="***")
    assert driver.error()["param"] == "audio"
    driver.send("input_audio_buffer.append", audio="\u20ac")
    assert len(driver.of("error")) == 2
