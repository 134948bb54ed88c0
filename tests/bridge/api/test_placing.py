from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from talkpath.bridge.api.models import PlaceCall
from talkpath.bridge.api.placing import originate
from talkpath.bridge.api.problems import ApiError
from talkpath.bridge.config.model import Config

TRUNK = {
    "name": "pbx",
    "match": ["192.0.2.10"],
    "outbound": {"allow": ["7??", "+49*"]},
}


def config(**more: Any) -> Config:
    return Config.model_validate({"agents": {"reception": {"instructions": "x"}}, "trunks": [TRUNK], **more})


def wanted(to: str, **more: Any) -> PlaceCall:
    return PlaceCall(to=to, **{"trunk": "pbx", **more})


def test_a_number_that_the_trunk_may_call_becomes_an_order_that_nobody_has_vouched_for() -> None:
    order = originate(config(), wanted("+49 30 901820"), "c-9")
    assert (order.call, order.agent, order.trunk) == ("c-9", "reception", "pbx")
    assert order.uri == "sip:+4930901820@192.0.2.10;user=phone"
    assert order.vouched is False


@pytest.mark.parametrize("to", ["+1900123456", "sip:+4930901820@evil.example.com", "7000"])
def test_what_the_trunk_may_not_call_is_forbidden(to: str) -> None:
    with pytest.raises(ApiError, match="not in allow of") as refusal:
        originate(config(), wanted(to), "c-9")
    assert refusal.value.status is HTTPStatus.FORBIDDEN


def test_without_a_trunk_the_general_list_counts() -> None:
    with pytest.raises(ApiError, match=r"\[sip.outbound\]"):
        originate(config(), PlaceCall(to="sip:1@192.0.2.99"), "c-9")
    allowed = config(sip={"outbound": {"allow": ["*@192.0.2.99"]}})
    assert originate(allowed, PlaceCall(to="sip:1@192.0.2.99"), "c-9").trunk == ""


def test_names_that_lead_nowhere_are_told_with_the_nearest() -> None:
    for request in (wanted("700", agent="recepton"), wanted("700", trunk="pbxx")):
        with pytest.raises(ApiError, match="There is no") as refusal:
            originate(config(), request, "c-9")
        assert refusal.value.status is HTTPStatus.UNPROCESSABLE_ENTITY


def test_with_several_agents_one_must_be_chosen() -> None:
    several = config(agents={"a": {"instructions": "x"}, "b": {"instructions": "y"}})
    with pytest.raises(ApiError, match="choose one: a, b"):
        originate(several, wanted("700"), "c-9")


def test_what_cannot_be_dialled_is_refused_with_its_reason() -> None:
    with pytest.raises(ApiError, match="cannot be called"):
        originate(config(), wanted("sip:a b@c"), "c-9")
