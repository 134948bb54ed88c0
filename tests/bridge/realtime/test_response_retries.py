"""Responses that fail, stop or never begin: what is asked for again, and when that ends."""

from __future__ import annotations

import pytest

from talkpath.bridge.realtime.effects import AgentSilent, ResponseFinished, SessionFailed
from talkpath.bridge.realtime.settings import SessionSettings
from tests.bridge.realtime.asking import failed, outcomes, requests
from tests.bridge.realtime.driver import Driver

TURN_DETECTED = {"type": "cancelled", "reason": "turn_detected"}


def test_a_response_that_does_not_begin_is_asked_for_again_and_then_given_up() -> None:
    driver = Driver().ready()
    driver.session.say("One moment.", driver.now)
    driver.take()
    driver.wait(5.4)
    assert requests(driver) == 1
    driver.wait(0.2)  # 5 s deadline and 0.5 s of back-off
    assert requests(driver) == 2
    driver.wait(60.0)
    assert requests(driver) == 4
    (silent,) = driver.effects_of(AgentSilent)
    assert (silent.cause, silent.attempts) == ("no_response", 4)
    assert driver.session.idle()


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_a_response_without_a_word_is_asked_for_again(status: str) -> None:
    driver = Driver().ready()
    driver.created()
    driver.done(status=status)
    assert outcomes(driver) == ["failed"]
    assert requests(driver) == 0
    driver.wait(0.6)
    assert requests(driver) == 1


def test_a_cut_response_that_was_heard_is_not_repeated() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(500)
    driver.done(status="incomplete", status_details={"reason": "max_output_tokens"})
    driver.wait(60.0)
    assert outcomes(driver) == ["spoken"]
    assert requests(driver) == 0


def test_failures_are_repeated_with_growing_pauses_and_then_reported() -> None:
    driver = Driver().ready()
    times = []
    driver.created("resp_0")
    for number in range(1, 5):
        driver.done(f"resp_{number - 1}", "failed", status_details=failed("rate_limit_exceeded"))
        if not driver.effects_of(AgentSilent):
            times.append((driver.session.deadline() or 0.0) - driver.now)
            driver.wait(times[-1])
            driver.created(f"resp_{number}", ours=True)
    assert times == [0.5, 1.0, 2.0]
    (silent,) = driver.effects_of(AgentSilent)
    assert silent.cause == "rate_limit_exceeded"
    assert "rate limit" in silent.sentence


def test_success_renews_the_budget_of_retries() -> None:
    driver = Driver(SessionSettings(response_retries=1)).ready()
    for number in range(3):
        driver.created(f"resp_f{number}")
        driver.done(f"resp_f{number}", "failed", status_details=failed("server_error"))
        driver.wait(0.6)
        driver.created(f"resp_s{number}", ours=True)
        driver.audio(100, f"item_{number}", f"resp_s{number}")
        driver.done(f"resp_s{number}")
    assert driver.effects_of(AgentSilent) == []


def test_an_empty_account_ends_the_session_at_once() -> None:
    driver = Driver().ready()
    driver.created()
    driver.done(status="failed", status_details=failed("insufficient_quota"))
    assert [f.cause for f in driver.effects_of(SessionFailed)] == ["insufficient_quota"]
    driver.wait(60.0)
    assert requests(driver) == 0


def test_a_retry_is_out_of_date_when_the_caller_speaks() -> None:
    driver = Driver().ready()
    driver.created()
    driver.done(status="failed", status_details=failed("server_error"))
    driver.caller_starts()
    driver.wait(3.0)
    assert requests(driver) == 0


def test_no_audio_for_ten_seconds_cancels_and_asks_again() -> None:
    driver = Driver().ready()
    driver.created()
    driver.wait(9.0)
    driver.server("response.content_part.added", response_id="resp_R", item_id="item_A")
    driver.wait(1.1)
    assert driver.last("response.cancel")["response_id"] == "resp_R"
    driver.done(status="cancelled", status_details={"type": "cancelled", "reason": "client_cancelled"})
    assert outcomes(driver) == ["failed"]
    driver.wait(0.6)
    assert requests(driver) == 1


def test_audio_that_stops_in_the_middle_is_noticed() -> None:
    driver = Driver().ready()
    driver.created()
    for _ in range(5):
        driver.wait(5.0)
        driver.audio(100)
    assert driver.sent_of("response.cancel") == []
    driver.wait(10.1)
    assert len(driver.sent_of("response.cancel")) == 1


def test_a_server_that_ignores_the_cancel_is_left() -> None:
    driver = Driver().ready()
    driver.created()
    driver.wait(15.1)
    (lost,) = driver.effects_of(SessionFailed)
    assert (lost.cause, lost.retryable) == ("stalled", True)
    assert driver.session.deadline() is None


def test_a_refused_request_is_repeated_and_reported_in_the_end() -> None:
    driver = Driver(SessionSettings(response_retries=0)).ready()
    driver.session.say("x", driver.now)
    driver.take()
    event_id = driver.last("response.create")["event_id"]
    driver.server("error", error={"code": "invalid_value", "message": "bad", "event_id": event_id})
    (silent,) = driver.effects_of(AgentSilent)
    assert silent.cause == "invalid_value"
    assert "bad" in silent.sentence


def test_a_late_beginning_is_taken_for_the_request_that_was_given_up() -> None:
    driver = Driver().ready()
    driver.session.say("x", driver.now)
    driver.take()
    driver.wait(5.1)
    driver.created(ours=True)
    driver.wait(2.0)
    assert requests(driver) == 1
    driver.audio(100)
    driver.done()
    assert driver.effects_of(ResponseFinished)[0].purpose == "say"
    driver.wait(30.0)
    assert requests(driver) == 1


def test_a_response_that_the_server_broke_off_without_a_reason_is_repeated() -> None:
    driver = Driver().ready()
    driver.created()
    driver.done(status="cancelled")
    driver.wait(0.6)
    assert requests(driver) == 1


def test_a_turn_taken_over_by_the_caller_is_not_repeated() -> None:
    driver = Driver().ready()
    driver.created()
    driver.caller_starts()
    driver.done(status="cancelled", status_details=TURN_DETECTED)
    driver.wait(60.0)
    assert requests(driver) == 0
    assert outcomes(driver) == ["interrupted"]
