"""Tool calls: which are run, what is returned, and the one response after them."""

from __future__ import annotations

import msgspec

from talkpath.bridge.realtime.effects import ResponseFinished, RunTool
from talkpath.bridge.realtime.function_calls import MAX_ARGUMENTS, MAX_RUNNING
from tests.bridge.realtime.driver import Driver


def outputs(driver: Driver) -> list[tuple[str, str]]:
    items = [event["item"] for event in driver.sent_of("conversation.item.create")]
    return [(item["call_id"], item["output"]) for item in items]


def error_of(output: str) -> str:
    return str(msgspec.json.decode(output)["error"])


def requests(driver: Driver) -> int:
    return len(driver.sent_of("response.create"))


def test_a_tool_is_run_as_soon_as_its_item_is_complete_and_answered_after_the_response() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1", arguments='{"city":\n "London"}')
    assert driver.effects_of(RunTool) == [RunTool("call_1", "lookup", {"city": "London"})]
    driver.session.tool_finished("call_1", '{"ok":true}', driver.now)
    driver.take()
    assert outputs(driver) == [("call_1", '{"ok":true}')]
    assert requests(driver) == 0
    driver.done(output=[driver.call_item("call_1")])
    assert requests(driver) == 1
    assert len(driver.effects_of(RunTool)) == 1
    assert driver.effects_of(ResponseFinished)[0].outcome == "called"


def test_a_slow_tool_is_answered_when_it_returns() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1")
    driver.done()
    driver.wait(8.0)
    assert requests(driver) == 0
    driver.session.tool_finished("call_1", "1", driver.now)
    driver.take()
    assert requests(driver) == 1


def test_parallel_calls_get_one_response_after_the_last_output() -> None:
    driver = Driver().ready()
    driver.created()
    for call in ("call_1", "call_2", "call_3"):
        driver.calls(call)
    driver.session.tool_finished("call_2", "2", driver.now)
    driver.done()
    driver.session.tool_finished("call_3", "3", driver.now)
    driver.take()
    assert requests(driver) == 0
    driver.session.tool_finished("call_1", "1", driver.now)
    driver.take()
    assert outputs(driver) == [("call_2", "2"), ("call_3", "3"), ("call_1", "1")]
    assert requests(driver) == 1
    assert [f.tool_calls for f in driver.effects_of(ResponseFinished)] == [3]


def test_commentary_before_a_call_is_played_and_the_call_is_run() -> None:
    driver = Driver().ready()
    driver.created()
    driver.audio(300)
    driver.calls("call_1")
    driver.audio_done()
    driver.done()
    assert driver.played() == {"item_A": 300}
    assert len(driver.effects_of(RunTool)) == 1
    assert driver.effects_of(ResponseFinished)[0].outcome == "spoken"


def test_a_call_that_only_response_done_shows_is_run_as_well() -> None:
    driver = Driver().ready()
    driver.created()
    driver.done(output=[driver.call_item("call_1", '{"a":1}')])
    assert driver.effects_of(RunTool) == [RunTool("call_1", "lookup", {"a": 1})]
    driver.session.tool_finished("call_1", "1", driver.now)
    driver.take()
    assert requests(driver) == 1


def test_an_interrupted_call_is_not_run() -> None:
    driver = Driver().ready()
    driver.created()
    driver.caller_starts()
    driver.calls("call_1", arguments='{"ci', status="incomplete")
    driver.done(
        status="cancelled",
        status_details={"reason": "turn_detected"},
        output=[driver.call_item("call_1", '{"ci', "incomplete")],
    )
    assert driver.effects_of(RunTool) == []
    assert outputs(driver) == []


def test_invalid_arguments_are_answered_with_an_error_and_nothing_is_run() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1", arguments='{"city": ')
    driver.calls("call_2", arguments="[1]")
    driver.done()
    assert driver.effects_of(RunTool) == []
    assert all("JSON object" in error_of(output) for _, output in outputs(driver))
    assert len(outputs(driver)) == 2
    assert requests(driver) == 1


def test_arguments_may_come_as_the_object_itself() -> None:
    driver = Driver().ready()
    driver.created()
    item = {**driver.call_item("call_1"), "arguments": {"city": "London"}}
    driver.server("response.output_item.done", response_id="resp_R", item=item)
    assert [call.arguments for call in driver.effects_of(RunTool)] == [{"city": "London"}]


def test_a_server_need_not_say_that_a_call_is_complete() -> None:
    driver = Driver().ready()
    driver.created()
    item = driver.call_item("call_1")
    del item["status"]
    driver.server("response.output_item.done", item=item)
    assert [call.call_id for call in driver.effects_of(RunTool)] == ["call_1"]
    driver.session.tool_finished("call_1", "1", driver.now)
    driver.done()
    assert requests(driver) == 1, "the event named no response, so it belongs to the one that was running"
    driver.created("resp_S", ours=True)
    driver.done("resp_S", "cancelled", output=[{**item, "call_id": "call_2"}])
    assert len(driver.effects_of(RunTool)) == 1, (
        "nobody knows whether a call of a broken response is complete"
    )


def test_a_call_that_comes_after_its_response_is_answered_and_run_once() -> None:
    driver = Driver().ready()
    driver.created()
    driver.done(output=[driver.call_item("call_1")])
    driver.session.tool_finished("call_1", "1", driver.now)
    driver.take()
    driver.calls("call_1")
    driver.created("resp_S", ours=True)
    driver.done("resp_S")
    driver.calls("call_1", "resp_S")  # some servers count calls anew in each response
    driver.session.tool_finished("call_1", "2", driver.now)
    driver.take()
    assert len(driver.effects_of(RunTool)) == 2
    assert outputs(driver) == [("call_1", "1"), ("call_1", "2")]


def test_arguments_longer_than_any_are_refused_and_not_run() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1", arguments='{"text":"%s"}' % ("x" * MAX_ARGUMENTS))
    assert driver.effects_of(RunTool) == []
    assert "too long" in error_of(outputs(driver)[0][1])


def test_tools_that_do_not_return_cannot_pile_up_over_many_responses() -> None:
    driver = Driver().ready()
    for response in range(20):
        driver.created(f"resp_{response}")
        for call in range(16):
            driver.calls(f"call_{response}_{call}", f"resp_{response}")
        driver.done(f"resp_{response}")
    assert len(driver.effects_of(RunTool)) == MAX_RUNNING
    assert len(outputs(driver)) == 20 * 16 - MAX_RUNNING


def test_the_next_session_knows_what_was_called_and_what_came_of_it() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1", arguments='{"number": 17}', name="repair_status")
    driver.calls("call_2", arguments='{"day": "friday"}', name="book")
    driver.session.tool_finished("call_1", '{"status":"ready"}', driver.now)
    known, unknown = driver.session.history()
    assert (known.role, unknown.role) == ("tool", "tool")
    assert known.text == 'You called repair_status with {"number":17}. It returned: {"status":"ready"}'
    assert unknown.text.startswith('You called book with {"day":"friday"}.')
    assert "may have been carried out" in unknown.text
    fresh = Driver().ready()
    fresh.session.reseed([known, unknown], fresh.now)
    fresh.take()
    roles = [event["item"]["role"] for event in fresh.sent_of("conversation.item.create")]
    assert roles == ["system", "system"]


def test_no_arguments_are_an_empty_object() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1", arguments="")
    assert driver.effects_of(RunTool) == [RunTool("call_1", "lookup", {})]


def test_a_tool_that_does_not_return_is_answered_after_fifteen_seconds_and_its_late_result_ignored() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1")
    driver.done()
    driver.wait(14.9)
    assert outputs(driver) == []
    driver.wait(0.2)
    assert "in time" in error_of(outputs(driver)[0][1])
    assert requests(driver) == 1
    driver.session.tool_finished("call_1", "late", driver.now)
    assert driver.take() == []
    assert driver.session.counts["tool_result_unexpected"] == 1


def test_a_tool_may_want_no_response() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1", name="hang_up")
    driver.session.tool_finished("call_1", "{}", driver.now, respond=False)
    driver.done()
    assert len(outputs(driver)) == 1
    assert requests(driver) == 0


def test_one_tool_that_wants_a_response_is_enough() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1")
    driver.calls("call_2")
    driver.session.tool_finished("call_1", "{}", driver.now, respond=True)
    driver.session.tool_finished("call_2", "{}", driver.now, respond=False)
    driver.done()
    assert requests(driver) == 1


def test_while_the_caller_speaks_the_result_is_left_to_the_servers_next_response() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1")
    driver.done()
    driver.caller_starts()
    driver.session.tool_finished("call_1", "1", driver.now)
    driver.take()
    driver.acknowledge()
    driver.caller_stops()
    driver.spoken("resp_S", "item_B")
    driver.wait(60.0)
    assert requests(driver) == 0


def test_a_result_that_came_after_the_servers_response_had_begun_gets_its_own() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1")
    driver.done()
    driver.caller_starts()
    driver.caller_stops()
    driver.created("resp_S")
    driver.session.tool_finished("call_1", "1", driver.now)
    driver.take()
    driver.acknowledge()
    assert requests(driver) == 0
    driver.audio(100, "item_B", "resp_S")
    driver.done("resp_S")
    assert requests(driver) == 1


def test_too_many_calls_of_one_response_are_refused() -> None:
    driver = Driver().ready()
    driver.created()
    for number in range(20):
        driver.calls(f"call_{number}")
    assert len(driver.effects_of(RunTool)) == 16
    assert len(outputs(driver)) == 4


def test_a_tool_call_needs_no_audio() -> None:
    driver = Driver().ready()
    driver.created()
    driver.calls("call_1")
    for _ in range(3):
        driver.wait(4.0)
        driver.server("response.function_call_arguments.delta", response_id="resp_R", item_id="x", delta="{")
    assert driver.sent_of("response.cancel") == []
