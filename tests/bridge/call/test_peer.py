"""Where the numbers of a transfer are called."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.call.peer import Peer
from talkpath.bridge.config.by_trunk import phone_trunk
from talkpath.bridge.config.model import Config
from talkpath.bridge.config.phone import PhoneConfig
from talkpath.sip import messages as m
from talkpath.sip.refer import ReferError
from tests.harness.incoming import incoming


def config(*trunks: dict[str, Any], **sip: Any) -> Config:
    return Config.model_validate({"agents": {"a": {}}, "trunks": list(trunks), "sip": sip})


REGISTERED = {"name": "pbx", "register": "sip:pbx.example.com:5070", "username": "600"}
MATCHED = {"name": "carrier", "match": ["192.0.2.10"]}
PEER = Peer(trunk="pbx", domain="192.0.2.1:5062", number="600")


def test_the_registrar_of_the_trunk_is_where_its_numbers_are() -> None:
    assert PEER.address(config(REGISTERED), "700", None) == ("sip:700@pbx.example.com:5070", "pbx")


def test_without_a_registrar_the_caller_shows_where_the_numbers_are() -> None:
    found = Peer(domain="192.0.2.1:5062").address(config(), "+49 30 1234", None)
    assert found == ("sip:+49301234@192.0.2.1:5062;user=phone", "")


def test_another_trunk_is_called_at_its_own_address() -> None:
    assert PEER.address(config(MATCHED), "700", "carrier") == ("sip:700@192.0.2.10", "carrier")


def test_a_browser_is_transferred_by_the_trunk_that_is_configured_or_the_only_one() -> None:
    both = config(REGISTERED, MATCHED)
    assert phone_trunk(both) == ""
    assert phone_trunk(config(MATCHED)) == "carrier"
    chosen = both.model_copy(update={"phone": PhoneConfig(trunk="pbx")})
    peer = Peer.of_browser(chosen, phone_trunk(chosen))
    assert peer.address(chosen, "700", None) == ("sip:700@pbx.example.com:5070", "pbx")
    with pytest.raises(ReferError, match="no address"):
        Peer.of_browser(both, "").address(both, "700", None)


def test_a_pbx_on_this_machine_is_not_ourselves_to_a_browser() -> None:
    here = config({"name": "pbx", "match": ["127.0.0.1"]}, listen=["udp:127.0.0.1:5060"])
    assert Peer.of_browser(here, "pbx").ourselves(here).hosts == frozenset()


def test_a_whole_address_stays_as_it_is() -> None:
    assert PEER.address(config(), "sip:700@elsewhere", None)[0] == "sip:700@elsewhere"


def test_a_number_at_a_trunk_that_is_nowhere_cannot_be_called() -> None:
    with pytest.raises(ReferError, match="has no address"):
        PEER.address(config({"name": "sbc", "match": ["10.0.0.0/8"]}), "700", "sbc")


def test_a_connection_is_answered_at_its_host_and_by_its_transport() -> None:
    invite = incoming(source="192.0.2.1:49152", transport="tcp", request_uri="sip:600@us;transport=tcp")
    peer = Peer.of_invite(invite)
    assert peer.address(config(), "700", None)[0] == "sip:700@192.0.2.1;transport=tcp"
    assert peer.number == "600"


def test_an_outbound_call_shows_where_its_peer_is() -> None:
    order = m.Originate(call="c1", uri="sip:200@192.0.2.7:5080;user=phone", agent="a", trunk="pbx")
    assert Peer.of_order(order) == Peer("pbx", "192.0.2.7:5080")


@pytest.mark.parametrize("where", ["sip:pbx:5061;transport=tls", "sips:pbx:5061"])
def test_numbers_are_called_by_the_transport_of_the_registrar(where: str) -> None:
    trunks = config({**REGISTERED, "register": where})
    assert PEER.address(trunks, "700", None)[0] == "sip:700@pbx:5061;transport=tls"
    assert PEER.refer_to(trunks, "700") == "sip:700@pbx:5061"


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("asterisk", "sip:+49301234@pbx.example.com:5070"),
        ("freeswitch", "sip:+49301234@pbx.example.com:5070"),
        ("twilio", "sip:+49301234@pbx.example.com:5070;user=phone"),
        ("telnyx", "sip:+49301234@pbx.example.com:5070;user=phone"),
        ("generic", "sip:+49301234@pbx.example.com:5070;user=phone"),
    ],
)
def test_a_carrier_learns_that_it_is_a_telephone_number(kind: str, written: str) -> None:
    trunks = config({**REGISTERED, "kind": kind})
    assert PEER.refer_to(trunks, "+49 30 1234") == written
    assert PEER.address(trunks, "+49 30 1234", None)[0] == written


def test_a_tel_address_is_handed_on_as_it_is_and_called_at_the_trunk() -> None:
    trunks = config({**REGISTERED, "kind": "twilio"})
    assert PEER.refer_to(trunks, "tel:+49-30-1234") == "tel:+49-30-1234"
    assert PEER.address(trunks, "tel:+49-30-1234", None) == (
        "sip:+49301234@pbx.example.com:5070;user=phone",
        "pbx",
    )


def test_a_registered_trunk_knows_us_by_our_user() -> None:
    assert PEER.referrer(config(REGISTERED)) == "sip:600@pbx.example.com:5070"


def test_another_peer_knows_us_by_what_it_called() -> None:
    assert Peer(called="sip:600@us.example").referrer(config()) == "sip:600@us.example"
    assert Peer().referrer(config()) == ""


def test_what_leads_back_to_us_is_known() -> None:
    ourselves = PEER.ourselves(config(REGISTERED, listen=["udp:198.51.100.1:5060"]))
    assert ourselves.are("600")
    assert ourselves.are("sip:600@pbx.example.com")
    assert ourselves.are("sip:anything@198.51.100.1")
    assert not ourselves.are("700")


def test_a_pbx_on_the_same_machine_is_not_us() -> None:
    ourselves = Peer(domain="127.0.0.1:5060", number="600").ourselves(config(listen=["udp:127.0.0.1:5080"]))
    assert not ourselves.are("sip:700@127.0.0.1:5060")
