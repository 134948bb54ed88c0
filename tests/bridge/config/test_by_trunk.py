from __future__ import annotations

from talkpath.bridge.config.by_trunk import dtmf_mode, phone_trunk, signals_hold, told_names
from tests.bridge.config.with_one_agent import config

PBX = {"name": "pbx", "match": ["192.0.2.0/24"], "dtmf": "info", "hold": "signal"}
CARRIER = {
    "name": "carrier",
    "match": ["198.51.100.0/24"],
    "headers": {"X-Customer": "customer", "X-Line": "line"},
}


def test_a_trunk_says_how_keys_are_sent_and_callers_held() -> None:
    both = config(trunks=[PBX, CARRIER])
    assert (dtmf_mode(both, "pbx"), signals_hold(both, "pbx")) == ("info", True)


def test_the_calls_of_no_trunk_get_what_needs_nobody_to_agree() -> None:
    assert (dtmf_mode(config(), ""), signals_hold(config(), "")) == ("auto", False)


def test_headers_of_the_trunk_are_told_and_the_agents_names_for_them_win() -> None:
    agents = {"a": {"headers": {"X-Line": "queue"}}}
    both = config(trunks=[PBX, CARRIER], agents=agents)
    assert told_names(both, "carrier", "a") == {"X-Customer": "customer", "X-Line": "queue"}
    assert told_names(both, "pbx", "a") == {"X-Line": "queue"}


def test_browsers_are_transferred_by_the_only_trunk_unless_one_is_named() -> None:
    assert phone_trunk(config(trunks=[PBX])) == "pbx"
    assert phone_trunk(config(trunks=[PBX, CARRIER])) == ""
    assert phone_trunk(config(trunks=[PBX, CARRIER], phone={"trunk": "carrier"})) == "carrier"
