from __future__ import annotations

from pathlib import Path

from talkpath.bridge.cli.summary import Line, summarise
from talkpath.bridge.config.load import load_text

TEXT = """
[sip]
advertised_address = "203.0.113.7"
[realtime]
url = "ws://model.example/v1/realtime"
api_key = "literal"
[agents.front]
instructions = "x"
greeting = "Hello"
[agents.sales]
model = "other"
tools = ["shop:hours"]
[[trunks]]
name = "pbx"
register = "sip:pbx.example.com"
username = "u"
match = ["192.0.2.0/24"]
agent = "front"
[[routes]]
to = "12*"
trunk = "pbx"
header = { X-Queue = "sales" }
agent = "sales"
[[routes]]
caller = "0900*"
reject = 603
"""


def lines(text: str, environment: dict[str, str] | None = None) -> list[Line]:
    loaded = load_text(text, Path("/x/talkpath.toml"), environment or {})
    addresses = {"pbx.example.com": ["192.0.2.5"]}
    return list(summarise(loaded, lambda host: addresses.get(host, [])))


def texts(text: str, environment: dict[str, str] | None = None) -> list[str]:
    return [line.text for line in lines(text, environment)]


def test_it_tells_who_may_call_and_where_we_register() -> None:
    found = texts(TEXT)
    assert "trunk pbx: 192.0.2.0/24, the addresses of pbx.example.com" in found
    assert "everybody else is refused with 403" in found
    assert "at sip:pbx.example.com as u, for 5m at a time" in found
    assert "pbx.example.com is 192.0.2.5" in found
    assert "tells others to send to 203.0.113.7" in found


def test_it_tells_which_agent_answers_what() -> None:
    found = texts(TEXT)
    assert "to 12*, by trunk pbx, with X-Queue: sales → sales" in found
    assert "from 0900* → refused with 603" in found
    assert "others by trunk pbx → front" in found
    assert "all others are refused with 404" in found


def test_a_route_for_all_leaves_nobody_to_refuse() -> None:
    found = texts(TEXT + '[[routes]]\nto = "*"\nagent = "front"\n')
    assert "all others are refused with 404" not in found


def test_it_tells_the_model_of_each_agent_and_where_its_key_is_from() -> None:
    found = texts(TEXT)
    assert "other at ws://model.example/v1/realtime, voice marin, audio pcm" in found
    assert "key: written in the configuration" in found
    assert "may call shop:hours" in found
    assert not any("literal" in text for text in found)


def test_it_warns_of_what_is_legal_and_hardly_meant() -> None:
    warnings = [line.text for line in lines(TEXT) if line.warning]
    assert warnings == [
        "without a password",
        "has no instructions: it answers as the model likes",
        "model.example does not resolve to an address",
    ]


def test_it_names_what_the_environment_has_changed() -> None:
    found = texts(TEXT, {"TALKPATH_SIP__MAX_CALLS": "9", "TALKPATH_REALTIME__API_KEY": "k"})
    assert "sip.max_calls comes from TALKPATH_SIP__MAX_CALLS" in found
    assert "key: TALKPATH_REALTIME__API_KEY" in found
    assert any(text.startswith("9 calls at once") for text in found)
