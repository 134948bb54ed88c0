"""Life of a session: opening, configuring, closing, its time limit, its errors."""

from __future__ import annotations

import msgspec
import pytest

from talkpath.bridge.realtime.effects import (
    Configured,
    ProtocolProblem,
    SeedMessage,
    SessionExpiring,
    SessionFailed,
    SessionLost,
)
from talkpath.bridge.realtime.lifecycle import IllegalTransitionError, State
from talkpath.bridge.realtime.settings import Deadlines, SemanticVad, SessionSettings, ToolDefinition
from tests.bridge.realtime.driver import Driver


def test_configuration_is_sent_when_the_session_is_created_and_not_before() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    assert driver.take() == []
    driver.server("session.created", session={"id": "sess_1"})
    update = driver.last("session.update")["session"]
    assert update["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert update["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    assert update["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
    }
    assert not driver.effects_of(Configured)


def test_the_session_is_configured_only_when_the_server_confirmed() -> None:
    driver = Driver().ready()
    assert driver.effects_of(Configured) == [Configured("sess_1", 3700.0)]
    assert driver.session.state is State.READY
    assert driver.session.expires_at == 3700.0


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_server_that_uses_another_audio_format_fails_the_session_with_both_names(direction: str) -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    driver.server("session.created", session={})
    audio = {d: {"format": {"type": "audio/pcmu"}} for d in ("input", "output")}
    audio[direction] = {"format": {"type": "audio/pcm", "rate": 24000}}  # type: ignore[dict-item]  # mixed on purpose
    driver.server("session.updated", session={"audio": audio})
    (failed,) = driver.effects_of(SessionFailed)
    assert failed.cause == "format_mismatch"
    assert "audio/pcmu" in failed.sentence
    assert "audio/pcm at 24000 Hz" in failed.sentence
    assert direction in failed.sentence
    assert not failed.retryable
    assert not driver.effects_of(Configured)


def test_every_setting_makes_an_update_that_the_sdk_accepts() -> None:
    settings = SessionSettings(
        instructions="Be kind.",
        audio_format="pcm",
        voice="voice_abc",
        turn_detection=SemanticVad(eagerness="high"),
        noise_reduction="far_field",
        transcription_model="gpt-4o-transcribe",
        transcription_language="de",
        speed=1.1,
        tools=(ToolDefinition(name="lookup", description="Find it."),),
        tool_choice="lookup",
        max_output_tokens=800,
        reasoning_effort="low",
    )
    driver = Driver(settings).ready()
    first, second = driver.sent_of("session.update")
    assert first["session"]["audio"]["output"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "voice": {"id": "voice_abc"},
        "speed": 1.1,
    }
    assert first["session"]["tool_choice"] == {"type": "function", "name": "lookup"}
    assert "reasoning" not in first["session"]
    assert second["session"] == {"type": "realtime", "reasoning": {"effort": "low"}}


def test_transcription_can_be_switched_off() -> None:
    driver = Driver(SessionSettings(transcription_model="")).ready()
    assert driver.sent[0]["session"]["audio"]["input"]["transcription"] is None


def test_a_refused_reasoning_update_does_not_harm_the_session() -> None:
    driver = Driver(SessionSettings(reasoning_effort="low")).ready()
    event_id = driver.last("session.update")["event_id"]
    driver.server("error", error={"type": "invalid_request_error", "code": "x", "event_id": event_id})
    assert driver.session.state is State.READY
    assert driver.effects_of(ProtocolProblem)


def test_a_refused_configuration_fails_the_session_and_names_the_field() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    driver.server("session.created", session={})
    error = {
        "type": "invalid_request_error",
        "code": "unknown_parameter",
        "message": "Unknown parameter.",
        "param": "session.audio.output.speed",
        "event_id": driver.sent[0]["event_id"],
    }
    driver.server("error", error=error)
    (failed,) = driver.effects_of(SessionFailed)
    assert failed.cause == "configuration_refused"
    assert "session.audio.output.speed" in failed.sentence


def test_silence_after_connecting_fails_the_session_after_five_seconds() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    assert driver.session.deadline() == 105.0
    driver.wait(4.9)
    assert not driver.log
    driver.wait(0.2)
    (failed,) = driver.effects_of(SessionFailed)
    assert failed.cause == "no_session_created"
    assert failed.retryable
    assert driver.session.deadline() is None


def test_an_unanswered_configuration_fails_the_session() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    driver.server("session.created", session={})
    driver.wait(5.1)
    assert [f.cause for f in driver.effects_of(SessionFailed)] == ["no_session_updated"]


@pytest.mark.parametrize(
    ("code", "close_code", "word"),
    [
        ("invalid_api_key", 3000, "key"),
        ("invalid_model", 4000, "gpt-x"),
        ("beta_api_shape_disabled", 4000, "beta"),
    ],
)
def test_handshake_errors_are_fatal_and_reported_once(code: str, close_code: int, word: str) -> None:
    driver = Driver(SessionSettings(model="gpt-x"))
    driver.session.connected(driver.now)
    driver.server("error", error={"type": "invalid_request_error", "code": code, "message": "m"})
    driver.session.disconnected(close_code, f"invalid_request_error.{code}", driver.now)
    driver.take()
    (failed,) = driver.effects_of(SessionFailed)
    assert failed.cause == code
    assert word in failed.sentence
    assert not failed.retryable
    assert not driver.effects_of(SessionLost)


def test_a_flood_of_complaints_is_reported_in_part_and_takes_no_memory() -> None:
    driver = Driver().ready()
    for number in range(1000):
        driver.server("error", error={"code": f"odd_{number}", "message": "m", "event_id": "a"})
    problems = driver.effects_of(ProtocolProblem)
    assert [problem.code for problem in problems[-4:]] == ["odd_99", "odd_127", "odd_255", "odd_511"]
    assert len(driver.session.counts) < 10


def test_an_account_error_is_recognised_by_its_type_too() -> None:
    driver = Driver().ready()
    driver.server("error", error={"type": "insufficient_quota", "code": None, "message": "m"})
    assert [f.cause for f in driver.effects_of(SessionFailed)] == ["insufficient_quota"]


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        (1000, True),
        (1001, True),
        (1006, True),
        (1011, True),
        (1013, True),
        (3000, False),
        (4000, False),
        (1008, False),
    ],
)
def test_a_closed_socket_is_lost_and_the_code_says_whether_to_return(code: int, retryable: bool) -> None:
    driver = Driver().ready()
    driver.session.disconnected(code, "why", driver.now)
    driver.take()
    assert driver.effects_of(SessionLost) == [SessionLost(retryable, code, "why")]
    assert driver.session.deadline() is None


def test_expiry_ends_in_a_retryable_loss() -> None:
    driver = Driver().ready()
    driver.server(
        "error", error={"type": "invalid_request_error", "code": "session_expired", "message": "60 min"}
    )
    driver.session.disconnected(1001, "60 min", driver.now)
    driver.take()
    assert [p.code for p in driver.effects_of(ProtocolProblem)] == ["session_expired"]
    assert [lost.retryable for lost in driver.effects_of(SessionLost)] == [True]


def test_two_minutes_before_the_hour_the_session_says_so_once() -> None:
    driver = Driver().ready()
    driver.wait(3479.0)
    assert not driver.effects_of(SessionExpiring)
    driver.wait(2.0)
    assert driver.effects_of(SessionExpiring) == [SessionExpiring(120.0)]
    driver.wait(500.0)
    assert len(driver.effects_of(SessionExpiring)) == 1


def test_a_server_with_shorter_sessions_is_left_before_their_end() -> None:
    driver = Driver().ready()
    driver.session.expires_in(900.0, driver.now)
    driver.wait(779.0)
    assert not driver.effects_of(SessionExpiring)
    driver.wait(2.0)
    assert driver.effects_of(SessionExpiring) == [SessionExpiring(120.0)]


@pytest.mark.parametrize("seconds", [-400.0, 0.0, 5.0, 90_000.0])
def test_an_expiry_by_a_clock_that_is_wrong_is_not_believed(seconds: float) -> None:
    driver = Driver().ready()
    driver.session.expires_in(seconds, driver.now)
    driver.wait(3470.0)
    assert not driver.effects_of(SessionExpiring)


def test_of_a_short_session_half_is_used() -> None:
    driver = Driver().ready()
    driver.session.expires_in(60.0, driver.now)
    driver.wait(29.0)
    assert not driver.effects_of(SessionExpiring)
    driver.wait(2.0)
    assert driver.effects_of(SessionExpiring) == [SessionExpiring(30.0)]


def test_a_complaint_that_names_nothing_is_told_when_the_answer_does_not_come() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    driver.server("session.created", session={})
    driver.server("error", error={"message": "voice marin is unknown"})
    driver.wait(6.0)
    (failed,) = driver.effects_of(SessionFailed)
    assert "voice marin is unknown" in failed.sentence


def test_a_refusal_without_a_code_is_told_with_the_close_that_follows() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    words = "Missing bearer or basic authentication in header"
    driver.server("error", error={"type": "invalid_request_error", "code": None, "message": words})
    driver.session.disconnected(3000, "invalid_request_error", driver.now)
    driver.take()
    (lost,) = driver.effects_of(SessionLost)
    assert not lost.retryable
    assert words in lost.reason


def test_after_closing_nothing_happens_any_more() -> None:
    driver = Driver().ready()
    driver.session.close(driver.now)
    driver.session.say("hello", driver.now)
    driver.session.interrupt(driver.now)
    driver.audio(100)
    driver.session.disconnected(1000, "", driver.now)
    driver.session.close(driver.now)
    driver.wait(10000.0)
    assert driver.take() == []
    assert not driver.effects_of(SessionLost)


def test_a_session_serves_one_socket_only() -> None:
    driver = Driver().ready()
    with pytest.raises(IllegalTransitionError, match="new session"):
        driver.session.connected(driver.now)


def test_garbage_is_counted_by_cause() -> None:
    driver = Driver().ready()
    driver.session.received("{", driver.now)
    driver.session.received('{"type":"future.event"}', driver.now)
    driver.session.received('{"type":"response.done"}', driver.now)
    counts = driver.session.counts
    assert (counts["frame_bad_json"], counts["frame_unknown_type"], counts["frame_bad_shape"]) == (1, 1, 1)


def test_history_goes_into_the_next_session_before_anything_is_said() -> None:
    settings = SessionSettings(instructions="Be kind.")
    driver = Driver(settings)
    past = [SeedMessage("user", "Hello"), SeedMessage("assistant", "Good day")]
    driver.session.reseed(past, driver.now)
    driver.session.say("I am back.", driver.now)
    assert driver.session.history() == past
    driver.ready()
    kinds = [event["type"] for event in driver.sent]
    assert kinds == [
        "session.update",
        "conversation.item.create",
        "conversation.item.create",
        "response.create",
    ]
    contents = [event["item"]["content"][0] for event in driver.sent_of("conversation.item.create")]
    assert contents == [
        {"type": "input_text", "text": "Hello"},
        {"type": "output_text", "text": "Good day"},
    ]
    assert driver.session.history() == past


def test_the_running_session_can_be_changed() -> None:
    driver = Driver().ready()
    driver.session.update({"instructions": "Be brief."}, driver.now)
    driver.take()
    assert driver.last("session.update")["session"] == {"type": "realtime", "instructions": "Be brief."}
    driver.server("session.updated", session={})
    assert driver.session.state is State.READY


def test_text_with_half_characters_is_sent_all_the_same() -> None:
    driver = Driver().ready()
    driver.session.inject("a\ud800b", "user", respond=False, now=driver.now)
    driver.take()
    assert driver.last("conversation.item.create")["item"]["content"][0]["text"] == "a?b"


def test_deadlines_are_settings() -> None:
    driver = Driver(SessionSettings(deadlines=Deadlines(session_created=1.0)))
    driver.session.connected(driver.now)
    assert driver.session.deadline() == 101.0


def test_frames_may_be_text_or_bytes() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    driver.session.received(
        msgspec.json.encode({"type": "session.created", "session": {}}).decode(), driver.now
    )
    driver.take()
    assert driver.sent_of("session.update")
