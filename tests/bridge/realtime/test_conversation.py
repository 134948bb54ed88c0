"""The documented orders of a conversation: a normal turn, barge-in, injected lines, transcripts."""

from __future__ import annotations

from typing import Any

from talkpath.bridge.realtime.effects import (
    CallerSpeaking,
    FinishItem,
    PlayAudio,
    Played,
    ProtocolProblem,
    RateLimits,
    ResponseFinished,
    SeedMessage,
    Transcript,
    TranscriptionUsage,
    TurnLatency,
    Usage,
)
from talkpath.bridge.realtime.settings import ServerVad, SessionSettings
from tests.bridge.realtime.driver import Driver

USAGE: dict[str, Any] = {
    "total_tokens": 205,
    "input_tokens": 41,
    "output_tokens": 164,
    "input_token_details": {"text_tokens": 14, "audio_tokens": 27, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 28, "audio_tokens": 136},
}


def normal_turn(driver: Driver) -> None:
    driver.caller_starts()
    driver.now += 0.8
    driver.caller_stops()
    driver.now += 0.1
    driver.created()
    driver.server(
        "response.output_item.added", response_id="resp_R", item={"id": "item_A", "type": "message"}
    )
    driver.server(
        "response.output_audio_transcript.delta",
        response_id="resp_R",
        item_id="item_A",
        delta="Hel",
        obfuscation="k1y",
    )
    driver.now += 0.3
    driver.audio(250)
    driver.audio(107)
    driver.audio_done()
    driver.server(
        "response.output_audio_transcript.done", response_id="resp_R", item_id="item_A", transcript="Hello"
    )
    driver.done(usage=USAGE)
    driver.server(
        "rate_limits.updated",
        rate_limits=[{"name": "tokens", "limit": 100, "remaining": 99, "reset_seconds": 0.002}],
    )
    driver.server(
        "conversation.item.input_audio_transcription.completed",
        item_id="item_U",
        content_index=0,
        transcript=" Hi\n",
        usage={"type": "duration", "seconds": 3},
    )


def test_a_normal_turn_plays_and_reports_everything() -> None:
    driver = Driver().ready()
    normal_turn(driver)
    assert driver.played() == {"item_A": 357}
    assert driver.effects_of(FinishItem) == [FinishItem("item_A")]
    assert [s.started for s in driver.effects_of(CallerSpeaking)] == [True, False]
    assert driver.effects_of(ResponseFinished) == [
        ResponseFinished("resp_R", "turn", "spoken", "completed", "", ("item_A",), 357, 0)
    ]
    (usage,) = driver.effects_of(Usage)
    assert (usage.tokens.audio_in, usage.tokens.audio_out) == (27, 136)
    assert driver.effects_of(TranscriptionUsage) == [TranscriptionUsage("item_U", 3.0, 0, 0)]
    assert driver.effects_of(RateLimits)[0].limits[0].remaining == 99
    assert driver.sent_of("response.create") == []
    assert [e["type"] for e in driver.sent] == ["session.update"]


def test_latency_is_counted_from_the_end_of_speech_to_the_first_audio() -> None:
    driver = Driver().ready()
    normal_turn(driver)
    (latency,) = driver.effects_of(TurnLatency)
    assert latency.purpose == "turn"
    assert latency.from_speech_stopped is not None
    assert round(latency.from_speech_stopped, 3) == 0.4
    assert round(latency.from_created, 3) == 0.3
    assert latency.from_requested is None


def test_what_was_said_is_kept_in_order_though_the_transcript_of_the_caller_comes_last() -> None:
    driver = Driver().ready()
    normal_turn(driver)
    assert driver.session.history() == [SeedMessage("user", "Hi"), SeedMessage("assistant", "Hello")]
    finals = [t for t in driver.effects_of(Transcript) if t.final]
    assert finals == [
        Transcript("agent", "item_A", "Hello", final=True),
        Transcript("caller", "item_U", "Hi", final=True),
    ]


def test_barge_in_while_the_server_still_generates() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(800)
    driver.caller_starts("item_V")
    assert driver.flushes() == 1
    driver.session.flushed([Played("item_A", 300)], driver.now)
    driver.take()
    assert driver.sent[-1]["type"] == "conversation.item.truncate"
    assert driver.sent[-1]["audio_end_ms"] == 300
    driver.audio(200)  # was on its way
    driver.audio_done()
    driver.done(
        status="cancelled", status_details={"type": "cancelled", "reason": "turn_detected"}, usage=USAGE
    )
    driver.caller_stops("item_V")
    driver.server("conversation.item.truncated", item_id="item_A", content_index=0, audio_end_ms=300)
    driver.created("resp_S")
    driver.audio(100, "item_B", "resp_S")
    assert driver.played() == {"item_A": 800, "item_B": 100}
    assert driver.session.counts["late_audio_dropped"] == 1
    assert driver.flushes() == 1
    assert driver.sent_of("response.cancel") == []
    assert driver.effects_of(FinishItem) == []
    assert [f.outcome for f in driver.effects_of(ResponseFinished)] == ["interrupted"]
    assert driver.sent_of("response.create") == []


def test_barge_in_after_generation_while_the_phone_still_plays() -> None:
    driver = Driver().ready()
    driver.spoken(milliseconds=3000)
    driver.caller_starts("item_V")
    assert driver.flushes() == 1
    driver.session.flushed([Played("item_A", 1234)], driver.now)
    driver.take()
    assert driver.last("conversation.item.truncate")["audio_end_ms"] == 1234


def test_no_flush_when_all_was_heard() -> None:
    driver = Driver().ready()
    driver.spoken()
    driver.session.playout_drained("item_A", driver.now)
    driver.caller_starts("item_V")
    assert driver.flushes() == 0


def test_truncation_never_names_more_than_was_received() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(500)
    driver.caller_starts()
    driver.session.flushed([Played("item_A", 585)], driver.now)
    driver.take()
    assert driver.last("conversation.item.truncate")["audio_end_ms"] == 500


def test_an_item_of_which_nothing_was_heard_is_deleted_and_forgotten() -> None:
    driver = Driver().ready()
    driver.spoken()
    driver.server(
        "response.output_audio_transcript.done", response_id="resp_R", item_id="item_A", transcript="Hello"
    )
    driver.caller_starts("item_V")
    driver.session.flushed([Played("item_A", -20)], driver.now)
    driver.take()
    assert driver.last("conversation.item.delete")["item_id"] == "item_A"
    assert driver.session.history() == []


def test_nothing_is_sent_about_an_item_that_was_heard_to_its_end() -> None:
    driver = Driver().ready()
    driver.spoken()
    driver.caller_starts()
    driver.session.flushed([Played("item_A", 1000)], driver.now)
    driver.take()
    assert driver.sent_of("conversation.item.truncate") + driver.sent_of("conversation.item.delete") == []


def test_words_whose_sound_never_came_are_forgotten_when_the_response_is_over() -> None:
    driver = Driver().ready()
    driver.created()
    for item in ("item_A", "item_B"):
        driver.server(
            "response.output_item.added", response_id="resp_R", item={"id": item, "type": "message"}
        )
        words = {"response_id": "resp_R", "item_id": item, "delta": "Hello"}
        driver.server("response.output_audio_transcript.delta", **words)
        if item == "item_A":
            driver.caller_starts("item_V")
    driver.audio(100, "item_B")  # was on its way
    driver.audio(100, "item_C")
    assert driver.sent_of("conversation.item.delete") == []
    driver.done(status="cancelled", status_details={"type": "cancelled", "reason": "turn_detected"})
    deleted = [event["item_id"] for event in driver.sent_of("conversation.item.delete")]
    assert deleted == ["item_A", "item_B", "item_C"]
    assert driver.session.history() == []
    driver.done(status="cancelled")
    assert len(driver.sent_of("conversation.item.delete")) == 3


def test_what_was_heard_of_an_item_in_two_parts_is_added_up() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(300, "item_A")
    driver.audio(200, "item_B")
    driver.audio(100, "item_A")
    driver.caller_starts()
    parts = [Played("item_A", 150), Played("item_B", 0), Played("item_A", 0)]
    driver.session.flushed(parts, driver.now)
    driver.take()
    assert driver.last("conversation.item.truncate")["audio_end_ms"] == 150
    assert [event["item_id"] for event in driver.sent_of("conversation.item.delete")] == ["item_B"]


def test_items_that_the_answer_does_not_name_were_not_heard() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(500, "item_A")
    driver.audio_done("item_A")
    driver.audio(500, "item_B")
    driver.caller_starts()
    driver.session.flushed([Played("item_A", 100)], driver.now)
    driver.take()
    assert driver.last("conversation.item.truncate")["item_id"] == "item_A"
    assert driver.last("conversation.item.delete")["item_id"] == "item_B"


def test_a_second_start_of_speech_does_not_flush_again() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(500)
    driver.caller_starts()
    driver.session.flushed([Played("item_A", 100)], driver.now)
    driver.caller_starts()
    assert driver.flushes() == 1
    driver.session.flushed([], driver.now)
    driver.take()
    assert len(driver.sent_of("conversation.item.truncate")) == 1


def test_a_response_that_began_after_the_caller_and_was_broken_off_is_flushed_at_its_end() -> None:
    driver = Driver().ready()
    driver.caller_starts()
    driver.created()
    driver.audio(400)
    assert driver.flushes() == 0
    driver.done(status="cancelled", status_details={"type": "cancelled", "reason": "turn_detected"})
    assert driver.flushes() == 1


def test_without_interruption_by_the_caller_the_agent_speaks_on() -> None:
    driver = Driver(SessionSettings(turn_detection=ServerVad(interrupt_response=False))).ready()
    driver.created()
    driver.audio(500)
    driver.caller_starts()
    driver.audio(500)
    assert driver.flushes() == 0
    assert driver.played() == {"item_A": 1000}


def test_only_the_heard_beginning_of_an_interrupted_sentence_stays_in_the_history() -> None:
    driver = Driver().ready()
    driver.created()
    driver.server(
        "response.output_item.added", response_id="resp_R", item={"id": "item_A", "type": "message"}
    )
    driver.server(
        "response.output_audio_transcript.delta",
        response_id="resp_R",
        item_id="item_A",
        delta="one two three four five six seven eight",
    )
    driver.audio(4000)
    driver.caller_starts()
    driver.session.flushed([Played("item_A", 2000)], driver.now)
    assert driver.session.history() == [SeedMessage("assistant", "one two three four…")]


def test_of_an_answer_that_is_still_coming_the_history_has_what_can_have_been_heard() -> None:
    driver = Driver().ready()
    driver.created()
    words = "one two three four five six seven eight nine ten eleven twelve"
    driver.server("response.output_item.added", item={"id": "item_A", "type": "message"})
    driver.server("response.output_audio_transcript.delta", item_id="item_A", delta=words)
    assert driver.session.history() == []
    driver.audio(1000)
    assert driver.session.history() == [SeedMessage("assistant", "one two three four…")]
    driver.audio_done()
    assert driver.session.history() == [SeedMessage("assistant", words)]


def test_commentary_and_answer_are_two_items_of_one_response() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(300, "item_A")
    driver.audio(200, "item_B")  # the second item begins before the first is done
    driver.audio(100, "item_A")
    driver.audio_done("item_A")
    driver.audio_done("item_B")
    driver.done()
    assert driver.played() == {"item_A": 400, "item_B": 200}
    assert [f.items for f in driver.effects_of(ResponseFinished)] == [("item_A", "item_B")]
    assert driver.effects_of(FinishItem) == [FinishItem("item_A"), FinishItem("item_B")]


def test_an_item_whose_done_is_missing_is_finished_with_its_response() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(300)
    driver.done()
    assert driver.effects_of(FinishItem) == [FinishItem("item_A")]


def test_an_odd_byte_of_pcm_waits_for_its_other_half() -> None:
    driver = Driver(SessionSettings(audio_format="pcm")).ready()
    driver.created()
    for delta in ("AAEC", "AwQF", "Bg=="):
        driver.server("response.output_audio.delta", response_id="resp_R", item_id="item_A", delta=delta)
    pieces = [effect.audio for effect in driver.effects_of(PlayAudio)]
    assert pieces == [b"\x00\x01", b"\x02\x03\x04\x05"]


def test_digits_stop_the_agent_and_are_told_to_the_model() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(500)
    driver.session.digits("4", driver.now)
    driver.take()
    assert driver.last("response.cancel")["response_id"] == "resp_R"
    assert driver.flushes() == 1
    item = driver.last("conversation.item.create")["item"]
    assert "pressed 4" in item["content"][0]["text"]
    assert driver.sent_of("response.create") == []
    driver.done(status="cancelled", status_details={"type": "cancelled", "reason": "client_cancelled"})
    assert len(driver.sent_of("response.create")) == 1


def test_an_injected_line_need_not_be_answered() -> None:
    driver = Driver().ready()
    driver.session.inject("The line is noisy.", "system", respond=False, now=driver.now)
    driver.take()
    assert driver.last("conversation.item.create")["item"]["role"] == "system"
    assert driver.sent_of("response.create") == []


def test_a_failed_transcription_is_a_problem_and_no_more() -> None:
    driver = Driver().ready()
    driver.server(
        "conversation.item.input_audio_transcription.failed",
        item_id="item_U",
        content_index=0,
        error={"type": "server_error", "code": "x", "message": "no luck", "param": None},
    )
    assert driver.effects_of(ProtocolProblem) == [ProtocolProblem("input_transcription_failed", "no luck")]


def test_the_session_knows_when_nobody_speaks() -> None:
    driver = Driver().ready()
    assert driver.session.idle()
    driver.caller_starts()
    driver.caller_stops()
    assert not driver.session.idle()
    driver.spoken()
    assert not driver.session.idle()
    driver.session.playout_drained("item_A", driver.now)
    assert driver.session.idle()
