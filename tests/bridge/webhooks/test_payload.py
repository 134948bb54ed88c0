from __future__ import annotations

import json
from typing import Any

from talkpath.bridge.api.board import Board
from talkpath.bridge.config.api import WebhookConfig
from talkpath.bridge.records.redact import Redactor
from talkpath.bridge.webhooks.payload import payloads
from talkpath.sip import messages as m
from tests.bridge.api.told import began, over, said, state, transfer

ALL = ("call.started", "call.ended", "call.transferred", "transcript.ready")


def hook(**facts: Any) -> WebhookConfig:
    known = {"url": "https://example.com/hook", "secret": "whsec_x", "events": ALL}
    return WebhookConfig.model_validate({**known, **facts})


def told(one: WebhookConfig, *messages: m.Message) -> list[dict[str, Any]]:
    """What an address is told when a worker says this."""
    board, found = Board(), []
    for message in messages:
        call = board.live_call("c-1") if isinstance(message, m.CallOver) else None
        event = board.take("worker-0", message)
        if event is not None:
            found += [json.loads(payload.body) for payload in payloads(one, event, call, Redactor().text)]
    return found


LIFE = (began(), state("talking"), said("My card is 4111 1111 1111 1111.", final=True, who="caller"))


def test_a_call_is_told_at_its_beginning_and_at_its_end() -> None:
    started, ended = told(hook(), *LIFE, over())
    assert started["type"] == "call.started"
    assert started["data"]["agent"] == "reception"
    assert started["timestamp"].endswith("+00:00")
    assert ended["type"] == "call.ended"
    assert (ended["data"]["call"], ended["data"]["cause"]) == ("c-1", "caller_hung_up")


def test_nothing_private_is_told_unless_the_configuration_says_so() -> None:
    public = json.dumps(told(hook(), *LIFE, over(reason="sip:+4930901820@pbx is busy")))
    assert "4930" not in public
    assert "card" not in public
    assert "@pbx" not in public
    private = told(hook(private=True), *LIFE, over())
    assert [one["type"] for one in private] == ["call.started", "call.ended", "transcript.ready"]
    assert private[0]["data"]["caller"] == "+4930901820"


def test_words_go_out_as_they_are_stored_without_dictated_digits() -> None:
    transcript = told(hook(private=True), *LIFE, over())[-1]["data"]["transcript"]
    assert [(line["who"], line["text"]) for line in transcript] == [("caller", "My card is [digits].")]


def test_a_reason_goes_out_without_digits_like_everything_else_that_was_said() -> None:
    (_, ended, _) = told(hook(private=True), *LIFE, over(reason="declined, card 4111 1111 1111 1111"))
    assert ended["data"]["reason"] == "declined, card [digits]"


def test_who_picked_up_is_told_at_the_end() -> None:
    (_, ended) = told(hook(), *LIFE, over(answered_by="machine"))
    assert ended["data"]["answered_by"] == "machine"


def test_a_transfer_is_told_beside_the_end() -> None:
    end = over(outcome="transferred", transfer="bridged", transfer_target="sales")
    kinds = [one["type"] for one in told(hook(), *LIFE, end)]
    assert kinds == ["call.started", "call.ended", "call.transferred"]


def test_who_took_a_transferred_call_is_told_and_what_for_only_where_words_may_go() -> None:
    end = over(outcome="transferred", transfer="bridged", transfer_target="sales")
    public = told(hook(), *LIFE, transfer(), end)[-1]["data"]
    assert (public["target"], public["how"], public["asked_by"]) == ("sales", "bridged", "agent")
    assert (public["outcome"], public["cause"]) == ("transferred", "bridged")
    assert (public["accepted_by"], public["accepted_how"]) == ("701", "briefing")
    assert public["attempts"] == [
        {"destination": "700", "mode": "warm", "outcome": "busy", "status": 486},
        {"destination": "701", "mode": "warm", "outcome": "bridged", "status": 0},
    ]
    assert not {"reason", "summary"} & set(public)
    private = next(
        one["data"]
        for one in told(hook(private=True), *LIFE, transfer(), end)
        if one["type"] == "call.transferred"
    )
    assert (private["reason"], private["summary"]) == ("a bicycle, card [digits]", "Red.")


def test_an_address_is_told_only_what_it_wants_to_know() -> None:
    assert [one["type"] for one in told(hook(events=("call.ended",)), *LIFE, over())] == ["call.ended"]
