from __future__ import annotations

import pytest

from talkpath.bridge.config.model import Config
from talkpath.bridge.doctor.addresses import Peer, examine_addresses, host_of_uri, judge, resolve


@pytest.mark.parametrize(
    ("peer", "told", "address", "level", "words"),
    [
        ("8.8.8.8", "", "", "fail", "no route"),
        ("8.8.8.8", "pbx.invalid", "", "fail", "has no address"),
        ("8.8.8.8", "0.0.0.0", "0.0.0.0", "fail", "no address to send to"),  # noqa: S104 - judged, not bound
        ("8.8.8.8", "127.0.0.1", "127.0.0.1", "fail", "only for itself"),
        ("", "127.0.0.1", "127.0.0.1", "warn", "nobody outside this machine"),
        ("8.8.8.8", "10.0.0.5", "10.0.0.5", "warn", "private address"),
        ("10.0.0.1", "10.0.0.5", "10.0.0.5", "ok", "10.0.0.5"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "ok", "127.0.0.1"),
        ("8.8.8.8", "bridge.example", "8.8.4.4", "ok", "bridge.example"),
    ],
)
def test_an_address_is_judged_by_who_is_told(
    peer: str, told: str, address: str, level: str, words: str
) -> None:
    finding = judge(Peer("trunk x", peer), told, address)
    assert finding.level == level
    assert words in finding.message
    assert bool(finding.fix) == (level != "ok")


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:pbx.example.com", "pbx.example.com"),
        ("sips:user@pbx:5061;transport=tls", "pbx"),
        ("sip:[2001:db8::1]:5060", "2001:db8::1"),
        ("", ""),
    ],
)
def test_the_host_of_a_sip_address(uri: str, host: str) -> None:
    assert host_of_uri(uri) == host


def test_an_address_is_its_own_and_nonsense_has_none() -> None:
    assert resolve("127.0.0.1") == ["127.0.0.1"]
    assert resolve("no such host") == []


def test_a_bridge_that_listens_only_to_itself_is_no_good_for_a_trunk_elsewhere() -> None:
    config = Config.model_validate(
        {
            "sip": {"listen": ["udp:127.0.0.1:5060"]},
            "agents": {"a": {}},
            "trunks": [{"name": "pbx", "match": ["198.51.100.0/24"]}],
        }
    )
    (finding,) = examine_addresses(config)
    assert finding.level == "fail"
    assert "trunk pbx (198.51.100.0)" in finding.message


def test_every_trunk_is_judged_with_its_own_address() -> None:
    trunk = {"match": ["127.0.0.1"], "advertised_address": "127.0.0.1"}
    config = Config.model_validate({"trunks": [{"name": "a", **trunk}, {"name": "b", **trunk}]})
    assert [finding.level for finding in examine_addresses(config)] == ["ok", "ok"]
