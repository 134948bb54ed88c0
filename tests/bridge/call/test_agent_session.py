from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.call.agent_session import session_settings, welcoming
from talkpath.bridge.realtime.settings import SemanticVad, ServerVad, SessionSettings, ToolDefinition
from talkpath.sip import messages as m
from tests.bridge.call.world import configuration


def settings(agent: dict[str, Any] | None = None, *tools: ToolDefinition, **more: Any) -> SessionSettings:
    return session_settings(configuration(agent, **more), "reception", tools)


def test_the_agent_speaks_as_it_is_configured() -> None:
    found = settings({"voice": "cedar", "instructions": "Be brief.", "speed": 1.2, "max_output_tokens": 500})
    assert (found.voice, found.instructions, found.speed, found.max_output_tokens) == (
        "cedar",
        "Be brief.",
        1.2,
        500,
    )
    assert (found.model, found.audio_format) == ("gpt-realtime-2.1", "pcmu")


def test_what_is_not_configured_is_not_sent() -> None:
    found = settings()
    assert (found.speed, found.max_output_tokens, found.reasoning_effort, found.noise_reduction) == (
        None,
    ) * 4


def test_an_agent_without_a_greeting_waits_for_the_caller() -> None:
    assert (settings().greeting_mode, settings().greeting) == ("say", "Hello there, how can I help you?")
    assert (settings({"greeting": None}).greeting_mode, settings({"greeting": None}).greeting) == ("wait", "")


def test_the_tools_are_those_given() -> None:
    own = ToolDefinition(name="lookup")
    assert settings(None, own).tools == (own,)


@pytest.mark.parametrize(
    ("chosen", "vad"),
    [
        ("server_vad", ServerVad()),
        (
            {"type": "server_vad", "threshold": 0.0, "silence_duration_ms": 300},
            ServerVad(threshold=0.0, silence_duration_ms=300),
        ),
        ({"type": "server_vad", "prefix_padding_ms": 0}, ServerVad(prefix_padding_ms=0)),
        ("semantic_vad", SemanticVad()),
        ({"type": "semantic_vad", "eagerness": "low"}, SemanticVad(eagerness="low")),
    ],
)
def test_turn_detection(chosen: Any, vad: ServerVad | SemanticVad) -> None:
    assert settings({"turn_detection": chosen}).turn_detection == vad


def test_the_time_for_tools_is_the_agents() -> None:
    assert settings({"tool_timeout": "7s"}).deadlines.tool == 7.0


def test_transcription_can_be_turned_off_for_an_agent() -> None:
    assert settings({"transcription": False}).transcription_model == ""
    spoken = {"transcription": {"model": "whisper-1"}, "language": "de"}
    assert settings(spoken).transcription_model == "whisper-1"
    assert settings(spoken).transcription_language == "de"


def test_keys_and_headers_are_kept_out_of_sight() -> None:
    found = session_settings(
        configuration(
            realtime={"url": "ws://127.0.0.1:9/", "api_key": "sk-secret", "headers": {"X-Org": "hidden"}}
        ),
        "reception",
        (),
    )
    assert ("Authorization", "Bearer sk-secret") in found.headers()
    assert ("X-Org", "hidden") in found.headers()
    assert "secret" not in repr(found)
    assert "hidden" not in repr(found)


def test_an_agent_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        session_settings(configuration(), "nobody", ())


def test_an_agent_that_waits_for_others_speaks_first_to_a_caller_who_is_back() -> None:
    comeback = m.Comeback(call="c0", target="sales", taken=False, record=m.Secret("Reason: a bicycle"))
    found = welcoming(settings({"greeting": None, "instructions": ""}), comeback)
    assert found.greeting_mode == "own_words"
    assert 'after a transfer to "sales"' in found.greeting
    assert found.instructions.startswith("The caller of this call is back")
