"""One response at a time: requests, collisions, deadlines, retries, giving up."""

from __future__ import annotations

from talkpath.bridge.realtime.effects import AgentSilent, ResponseFinished, TurnLatency
from talkpath.bridge.realtime.settings import ServerVad, SessionSettings
from tests.bridge.realtime.asking import busy, outcomes, requests
from tests.bridge.realtime.driver import Driver


def test_the_greeting_keeps_the_instructions_of_the_session() -> None:
    driver = Driver(SessionSettings(instructions="Be kind.", greeting="Hello, this is Ada.")).ready()
    driver.session.greet(driver.now)
    driver.take()
    response = driver.last("response.create")["response"]
    assert response["instructions"].startswith("Be kind.")
    assert response["instructions"].endswith("Hello, this is Ada.")
    assert response["metadata"]["purpose"] == "greeting"
    driver.created(ours=True)
    driver.audio(500)
    driver.done()
    assert driver.effects_of(ResponseFinished)[0].purpose == "greeting"
    assert driver.effects_of(TurnLatency)[0].from_requested == 0.0


def test_the_agent_may_greet_in_its_own_words_or_wait_for_the_caller() -> None:
    own = Driver(SessionSettings(greeting_mode="own_words")).ready()
    own.session.greet(own.now)
    own.take()
    assert "Speak first" in own.last("response.create")["response"]["instructions"]
    waiting = Driver(SessionSettings(greeting="Hello", greeting_mode="wait")).ready()
    waiting.session.greet(waiting.now)
    waiting.take()
    assert requests(waiting) == 0


def test_a_greeting_asked_for_too_early_waits_for_the_configuration() -> None:
    driver = Driver(SessionSettings(greeting="Hello"))
    driver.session.greet(driver.now)
    assert driver.take() == []
    driver.ready()
    assert [event["type"] for event in driver.sent] == ["session.update", "response.create"]


def test_a_sentence_waits_until_the_running_response_is_generated() -> None:
    driver = Driver().ready()
    driver.created()
    driver.session.say("One moment.", driver.now)
    driver.session.say("Still here.", driver.now)
    driver.take()
    assert requests(driver) == 0
    driver.audio(100)
    driver.done()
    assert requests(driver) == 1
    assert "One moment." in driver.last("response.create")["response"]["instructions"]
    driver.created("resp_S", ours=True)
    driver.audio(100, "item_B", "resp_S")
    driver.done("resp_S")
    assert requests(driver) == 2


def test_a_busy_conversation_makes_the_sentence_wait_for_the_other_response() -> None:
    driver = Driver().ready()
    driver.session.say("One moment.", driver.now)
    driver.take()
    busy(driver)
    driver.created("resp_auto")
    driver.audio(100, "item_A", "resp_auto")
    driver.wait(3.0)
    assert requests(driver) == 1
    driver.done("resp_auto")
    assert requests(driver) == 2
    assert [f.purpose for f in driver.effects_of(ResponseFinished)] == ["turn"]


def test_a_response_taken_for_ours_is_given_back_when_the_server_says_busy() -> None:
    driver = Driver().ready()
    driver.session.say("One moment.", driver.now)
    driver.take()
    driver.created("resp_auto")
    busy(driver)
    driver.audio(100, "item_A", "resp_auto")
    driver.done("resp_auto")
    assert [f.purpose for f in driver.effects_of(ResponseFinished)] == ["turn"]
    assert requests(driver) == 2


def test_busy_without_any_response_is_tried_again_after_a_while() -> None:
    driver = Driver().ready()
    driver.session.say("One moment.", driver.now)
    driver.take()
    busy(driver)
    driver.wait(9.9)
    assert requests(driver) == 1
    driver.wait(1.0)
    assert requests(driver) == 2


def test_a_server_that_is_busy_for_ever_leaves_the_agent_silent_and_not_the_caller_waiting() -> None:
    driver = Driver().ready()
    driver.session.say("One moment.", driver.now)
    driver.take()
    for _ in range(10):
        busy(driver)
        driver.wait(13.0)
    assert requests(driver) == 4
    assert [silent.cause for silent in driver.effects_of(AgentSilent)] == ["busy"]


def test_an_injected_line_is_answered_by_the_response_that_began_after_it() -> None:
    driver = Driver().ready()
    driver.session.inject("The caller pressed 4", "user", respond=True, now=driver.now)
    driver.take()
    driver.acknowledge()
    driver.created("resp_auto", ours=False)
    busy(driver)
    driver.audio(100, "item_A", "resp_auto")
    driver.done("resp_auto")
    assert requests(driver) == 1


def test_a_turn_that_the_server_does_not_answer_is_asked_for_by_us() -> None:
    driver = Driver().ready()
    driver.caller_starts()
    driver.caller_stops()
    driver.wait(5.6)
    assert driver.last("response.create")["response"]["metadata"]["purpose"] == "turn"


def test_a_turn_that_the_server_answers_needs_nothing() -> None:
    driver = Driver().ready()
    driver.caller_starts()
    driver.caller_stops()
    driver.wait(4.0)
    driver.spoken()
    driver.wait(60.0)
    assert requests(driver) == 0


def test_the_caller_is_answered_though_a_sentence_was_in_the_way() -> None:
    driver = Driver().ready()
    driver.caller_starts()
    driver.session.say("One moment.", driver.now)
    driver.take()
    assert requests(driver) == 1
    driver.caller_stops()
    driver.created("resp_S", ours=True)
    driver.audio(100, "item_S", "resp_S")
    driver.wait(5.1)  # the server made no response of its own, because ours was running
    driver.done("resp_S")
    assert requests(driver) == 2
    assert driver.last("response.create")["response"]["metadata"]["purpose"] == "turn"


def test_cancelling_what_had_ended_already_frees_the_session() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(100)
    driver.session.interrupt(driver.now)
    driver.take()
    event_id = driver.last("response.cancel")["event_id"]
    driver.server("error", error={"code": "response_cancel_not_active", "message": "m", "event_id": event_id})
    assert outcomes(driver) == ["interrupted"]
    driver.session.say("Goodbye.", driver.now)
    driver.take()
    assert requests(driver) == 1


def test_interrupting_before_the_response_began_cancels_it_when_it_does() -> None:
    driver = Driver().ready()
    driver.session.say("One moment.", driver.now)
    driver.session.interrupt(driver.now)
    driver.take()
    assert driver.sent_of("response.cancel") == []
    driver.created(ours=True)
    assert driver.last("response.cancel")["response_id"] == "resp_R"
    driver.audio(100)
    assert driver.played() == {}


def test_a_response_that_is_announced_twice_is_one() -> None:
    driver = Driver().ready()
    driver.session.say("Hello.", driver.now)
    driver.take()
    driver.created(ours=True)
    driver.created(ours=True)
    driver.audio(100)
    driver.done()
    assert [f.outcome for f in driver.effects_of(ResponseFinished)] == ["spoken"]
    assert driver.effects_of(ResponseFinished)[0].purpose == "say"


def test_interrupting_twice_cancels_once() -> None:
    driver = Driver().ready()
    driver.created()
    driver.session.interrupt(driver.now)
    driver.session.interrupt(driver.now)
    driver.take()
    assert len(driver.sent_of("response.cancel")) == 1


def test_done_without_created_and_created_without_done_are_survived() -> None:
    driver = Driver().ready()
    driver.audio(100, "item_A", "resp_R")
    driver.done("resp_R")
    driver.created("resp_S")
    driver.created("resp_T")
    driver.done("resp_S")
    driver.audio(100, "item_B", "resp_T")
    driver.done("resp_T")
    driver.done("resp_T")
    driver.session.say("x", driver.now)
    driver.take()
    assert requests(driver) == 1
    assert driver.session.counts["response_done_missing"] == 1
    assert driver.session.counts["response_created_missing"] == 1
    assert driver.session.counts["response_done_unexpected"] == 2
    assert outcomes(driver) == ["spoken", "superseded", "spoken"]


def test_when_the_bridge_decides_about_responses_the_server_is_not_waited_for() -> None:
    driver = Driver(SessionSettings(turn_detection=ServerVad(create_response=False))).ready()
    driver.caller_starts()
    driver.caller_stops()
    driver.wait(10.0)
    assert requests(driver) == 0
    driver.session.respond(driver.now)
    driver.take()
    assert requests(driver) == 1


def test_the_line_of_wishes_is_bounded() -> None:
    driver = Driver().ready()
    driver.created()
    for number in range(100):
        driver.session.say(str(number), driver.now)
    assert driver.session.counts["response_wish_dropped"] == 84
