from __future__ import annotations

import pytest
from pydantic import ValidationError

from talkpath.bridge.config.process_settings import from_json, sip_settings, to_json
from talkpath.sip import messages
from tests.bridge.config.with_one_agent import config

TRUNK = {
    "name": "pbx",
    "register": "sip:pbx.example.com",
    "username": "u",
    "password": "p",
    "match": ["192.0.2.0/24"],
    "register_interval": "10m",
}


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


def test_a_child_reads_back_the_configuration_with_its_secrets() -> None:
    written = config(realtime={"api_key": "k", "transcription": {"model": "t"}}, trunks=[TRUNK])
    read = from_json(to_json(written))
    assert read == written
    assert read.realtime.api_key is not None
    assert read.realtime.api_key.get_secret_value() == "k"
