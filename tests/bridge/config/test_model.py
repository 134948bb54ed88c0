from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from talkpath.bridge.config.model import Config, capacity, endpoint, from_json, sip_settings, to_json
from talkpath.sip import messages


def config(**parts: Any) -> Config:
    return Config.model_validate({"agents": {"a": {}}, **parts})


TRUNK = {
    "name": "pbx",
    "register": "sip:pbx.example.com",
    "username": "u",
    "password": "p",
    "match": ["192.0.2.0/24"],
    "register_interval": "10m",
}


def test_the_configuration_is_immutable() -> None:
    with pytest.raises(ValidationError):
        config().sip.max_calls = 3


def test_without_trunks_only_private_addresses_may_call() -> None:
    assert sip_settings(config()).accept_private_sources is True
    assert sip_settings(config(trunks=[TRUNK])).accept_private_sources is False


def test_the_sip_process_gets_its_settings_in_its_own_words() -> None:
    sip = {
        "listen": ["udp:10.0.0.1", "tcp:[::1]:5070"],
        "advertised_address": "203.0.113.7",
        "codecs": ["pcma"],
    }
    settings = sip_settings(config(sip=sip, trunks=[TRUNK]))
    assert settings.listeners == (
        messages.Listener(transport="udp", host="10.0.0.1", port=5060, advertised_address="203.0.113.7"),
        messages.Listener(transport="tcp", host="::1", port=5070, advertised_address="203.0.113.7"),
    )
    assert settings.trunks == (
        messages.TrunkSettings(
            name="pbx",
            registrar="sip:pbx.example.com",
            username="u",
            password=messages.Secret("p"),
            source_networks=("192.0.2.0/24",),
            advertised_address="203.0.113.7",
            register_interval=600,
            codecs=("PCMA",),
        ),
    )
    assert messages.decode(messages.encode(settings)) == settings


@pytest.mark.parametrize("policy", ["off", "optional", "mandatory"])
def test_the_sip_process_is_told_what_a_trunk_wants_of_srtp(policy: str) -> None:
    assert [trunk.srtp for trunk in sip_settings(config(trunks=[TRUNK])).trunks] == ["off"]
    trunks = sip_settings(config(trunks=[{**TRUNK, "srtp": policy}])).trunks
    assert [trunk.srtp for trunk in trunks] == [policy]
    with pytest.raises(ValueError, match="srtp"):
        config(trunks=[{**TRUNK, "srtp": "perhaps"}])


def test_a_trunk_that_asks_for_a_password_needs_one() -> None:
    assert sip_settings(config(trunks=[{**TRUNK, "challenge": True}])).trunks[0].challenge
    with pytest.raises(ValidationError, match="asks callers for a password"):
        config(trunks=[{"name": "pbx", "match": ["192.0.2.0/24"], "challenge": True}])


def test_an_agent_inherits_the_model_of_the_realtime_section() -> None:
    shared = {
        "url": "wss://m.example/v1",
        "model": "m1",
        "api_key": "k",
        "headers": {"X": "y"},
        "audio": "pcmu",
    }
    found = endpoint(config(realtime=shared, agents={"a": {"model": "m2"}}), "a")
    assert (found.url, found.model, found.auth, found.audio) == ("wss://m.example/v1", "m2", "bearer", "pcmu")
    assert found.api_key is not None
    assert list(found.headers) == ["X"]


def test_key_and_headers_do_not_follow_an_agent_to_another_host() -> None:
    shared = {"url": "wss://m.example/v1", "api_key": "k", "headers": {"X": "y"}, "auth": "azure"}
    found = endpoint(config(realtime=shared, agents={"a": {"url": "wss://other.example/v1"}}), "a")
    assert found.api_key is None
    assert found.headers == {}
    assert found.auth == "bearer"


def test_azure_is_recognised_by_its_host() -> None:
    shared = {"url": "wss://x.openai.azure.com/openai/v1/realtime"}
    assert endpoint(config(realtime=shared), "a").auth == "azure"


def test_an_agent_may_turn_transcription_off_and_gives_it_its_language() -> None:
    shared: dict[str, Any] = {"transcription": {"model": "t"}}
    agents: dict[str, Any] = {"off": {"transcription": False}, "de": {"language": "de"}}
    both = config(realtime=shared, agents=agents)
    assert endpoint(both, "off").transcription is None
    transcription = endpoint(both, "de").transcription
    assert transcription is not None
    assert (transcription.model, transcription.language) == ("t", "de")
    assert from_json(to_json(both)) == both


def test_turn_detection_is_a_name_or_a_table() -> None:
    named = config(agents={"a": {"turn_detection": "semantic_vad"}}).agents["a"].turn_detection
    table = config(agents={"a": {"turn_detection": {"silence_duration_ms": 300}}}).agents["a"].turn_detection
    assert named.type == "semantic_vad"
    assert (table.type, table.silence_duration_ms) == ("server_vad", 300)


@pytest.mark.parametrize(
    "table", [{"type": "semantic_vad", "threshold": 0.5}, {"type": "server_vad", "eagerness": "low"}]
)
def test_turn_detection_takes_only_what_its_type_knows(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(agents={"a": {"turn_detection": table}})


@pytest.mark.parametrize(
    ("parts", "calls", "limit"),
    [
        ({"sip": {"max_calls": 7}}, 7, "sip.max_calls"),
        ({"workers": {"count": 2, "lanes": 3}}, 6, "workers.lanes"),
        ({"sip": {"rtp_ports": "20000-20019"}}, 10, "sip.rtp_ports"),
    ],
)
def test_the_smallest_limit_sets_the_capacity(parts: dict[str, Any], calls: int, limit: str) -> None:
    found = capacity(config(**parts), cores=lambda: 2)
    assert (found.workers, found.calls, found.limited_by) == (2, calls, limit)


@pytest.mark.parametrize("name", ["os.path:join", "a:b.c"])
def test_tools_are_named_by_module_and_function(name: str) -> None:
    assert config(agents={"a": {"tools": [name]}}).agents["a"].tools == (name,)


@pytest.mark.parametrize("name", ["join", "os.path:", ":x", "a b:c", "a:b:c"])
def test_what_does_not_name_a_function_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        config(agents={"a": {"tools": [name]}})
