from __future__ import annotations

import json
from typing import Any

import pytest

from talkpath.bridge.config.transfer import TargetConfig
from talkpath.bridge.realtime.tools import RESERVED
from talkpath.bridge.transfer.tool import (
    ACCEPT_TOOL,
    DECLINE_TOOL,
    MAX_SUMMARY,
    NAMES,
    TOLD,
    ToolArgumentsError,
    briefing_tools,
    parse_decision,
    parse_transfer,
    told,
    transfer_tool,
)
from talkpath.bridge.transfer.vocabulary import Event, Reason

SALES = TargetConfig(name="sales", description="Orders and prices.", uri=("700",))
REPAIR = TargetConfig(name="repair", description="Broken bicycles.", uri=("701",))


def test_the_model_chooses_a_target_by_its_description() -> None:
    tool = transfer_tool([SALES, REPAIR])
    assert tool.parameters["properties"]["target"]["enum"] == ["sales", "repair"]
    assert "- sales: Orders and prices." in tool.description
    assert "- repair: Broken bicycles." in tool.description
    assert "700" not in json.dumps(tool.wire()), "numbers are no business of the model"


def test_a_tool_without_targets_is_not_made() -> None:
    with pytest.raises(ValueError, match="without targets"):
        transfer_tool([])


def test_every_tool_describes_an_object_that_takes_nothing_else() -> None:
    for tool in (transfer_tool([SALES]), *briefing_tools()):
        assert tool.parameters["type"] == "object"
        assert tool.parameters["additionalProperties"] is False
        assert set(tool.parameters["required"]) <= set(tool.parameters["properties"])
        json.dumps(tool.wire())


def test_the_agent_and_the_briefing_share_no_tool() -> None:
    names = [transfer_tool([SALES]).name, *(tool.name for tool in briefing_tools())]
    assert len(set(names)) == 3
    assert set(names) == NAMES
    assert not NAMES & {"hang_up"}
    assert "hang_up" in RESERVED


def test_arguments_are_read_and_made_harmless() -> None:
    request = parse_transfer(
        {"target": "sales", "reason": "  wants\r\nInjected: header ", "summary": "x" * 5000}, ["sales"]
    )
    assert request.target == "sales"
    assert request.reason == "wants Injected: header"
    assert len(request.summary) == MAX_SUMMARY


@pytest.mark.parametrize(
    "arguments",
    [{}, {"target": "700"}, {"target": "Sales"}, {"target": None}, {"target": ["sales"]}, {"target": {}}],
)
def test_a_target_that_is_not_offered_is_refused_with_the_choice(arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolArgumentsError, match="Choose one of: sales, repair"):
        parse_transfer(arguments, ["sales", "repair"])


def test_words_that_are_no_words_are_left_out() -> None:
    assert parse_transfer({"target": "sales", "reason": 7, "summary": None}, ["sales"])[1:] == ("", "")


def test_the_human_decides_by_one_of_two_tools() -> None:
    assert parse_decision(ACCEPT_TOOL, {"message": "ignored"}) == (Event.ACCEPTED, "")
    assert parse_decision(DECLINE_TOOL, {"message": "Call\nafter three."}) == (
        Event.DECLINED,
        "Call after three.",
    )
    assert parse_decision(DECLINE_TOOL, {"message": ["no"]}) == (Event.DECLINED, "")
    with pytest.raises(ToolArgumentsError, match="accept_call and decline_call"):
        parse_decision("transfer_call", {"target": "sales"})


@pytest.mark.parametrize("reason", Reason)
def test_every_outcome_has_words_for_the_model(reason: Reason) -> None:
    output = json.loads(told(reason, "sales"))
    assert output["outcome"] == reason.value
    assert output["ok"] == (reason in {Reason.REFERRED, Reason.BRIDGED})
    assert "{" not in output["what_happened"]
    assert set(TOLD) == set(Reason)


def test_a_failure_says_what_to_do_next() -> None:
    output = json.loads(told(Reason.NO_ANSWER, "sales"))
    assert output["what_happened"] == '"sales" did not answer.'
    assert "back with you" in output["what_to_do"]
    assert "take a message" in output["what_to_do"]
    refused = json.loads(told(Reason.CLOSED, "sales", was_held=False))
    assert "not put on hold" in refused["what_to_do"]


def test_nothing_is_to_be_done_while_a_transfer_is_under_way_or_when_nobody_listens() -> None:
    for reason in (Reason.ALREADY, Reason.CALLER_LEFT, Reason.REFERRED):
        assert "what_to_do" not in json.loads(told(reason, "sales"))


def test_the_humans_message_reaches_the_agent() -> None:
    output = json.loads(told(Reason.DECLINED, "sales", 'He calls back "soon" {really}.'))
    assert output["message_for_the_caller"] == 'He calls back "soon" {really}.'
