from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.starter.answers import Answers, BadAnswer, is_local

GOOD: dict[str, Any] = {"pbx": "asterisk", "address": "192.0.2.10"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pbx": "avaya"}, "Choose asterisk, freeswitch or other"),
        ({"address": ""}, "like 192.0.2.10"),
        ({"address": "a b"}, "no address"),
        ({"address": 'x";evil'}, "no address"),
        ({"model": "https://host"}, "WebSocket URL"),
        ({"model": 'ws://a"b'}, "WebSocket URL"),
        ({"agent": "  "}, "plain words"),
        ({"agent": "a\x00b"}, "plain words"),
        ({"extension": "7x"}, "no extension"),
        ({"port": 70000}, "no port"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_with_what_would(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadAnswer, match=says):
        Answers(**{**GOOD, **changes})


def test_each_first_configuration_has_a_password_of_its_own_that_is_not_shown() -> None:
    one, other = Answers(**GOOD), Answers(**GOOD)
    assert one.password != other.password
    assert len(one.password) >= 20
    assert one.password not in repr(one)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:5062", True),
        ("localhost", True),
        ("[::1]:5062", True),
        ("192.0.2.10", False),
        ("pbx.example.com:5060", False),
    ],
)
def test_beside_a_pbx_another_port_is_taken(address: str, local: bool) -> None:
    assert is_local(address) is local
    assert Answers(pbx="asterisk", address=address).sip_port == (5070 if local else 5060)
    assert Answers(pbx="asterisk", address=address, port=5999).sip_port == 5999
