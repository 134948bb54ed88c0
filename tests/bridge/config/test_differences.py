from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from talkpath.bridge.config.differences import FIXED, merge
from talkpath.bridge.config.model import Config

PBX = {"name": "pbx", "match": ["192.0.2.1"]}


def configuration(**changes: Any) -> Config:
    values: dict[str, Any] = {
        "realtime": {"api_key": "sk-secret-one"},
        "agents": {"reception": {"instructions": "Hello."}},
        "trunks": [PBX],
        **changes,
    }
    return Config.model_validate(values)


def test_the_same_changes_nothing() -> None:
    merged = merge(configuration(), configuration())
    assert merged == (configuration(), (), ())


def test_what_may_change_is_named_by_key_and_never_by_value() -> None:
    wanted = configuration(
        realtime={"api_key": "sk-secret-two"},
        agents={"reception": {"instructions": "Good evening."}, "sales": {}},
        trunks=[{**PBX, "match": ["192.0.2.2"]}, {"name": "carrier", "match": ["192.0.2.3"]}],
        sip={"max_calls": 7},
        workers={"drain_timeout": "5m"},
    )
    merged = merge(configuration(), wanted)
    assert merged.config == wanted
    assert set(merged.changed) == {
        "realtime.api_key",
        "agents.reception.instructions",
        "agents.sales",
        "trunks.pbx.match",
        "trunks.carrier",
        "sip.max_calls",
        "workers.drain_timeout",
    }
    assert merged.waiting == ()
    assert "secret" not in str((merged.changed, merged.waiting))


def test_what_belongs_to_open_sockets_and_processes_stays_and_is_named() -> None:
    wanted = configuration(
        sip={"listen": ["udp:127.0.0.1:5070"], "rtp_ports": "20000-20999", "codecs": ["PCMA"]},
        workers={"count": 3, "lanes": 10},
        http={"listen": "127.0.0.1:1"},
        log={"level": "debug"},
        records={"url": "off", "transcripts": False},
    )
    now = configuration()
    merged = merge(now, wanted)
    assert merged.changed == ("sip.codecs", "records.transcripts")
    assert set(merged.waiting) == {
        "sip.listen",
        "sip.rtp_ports",
        "workers.count",
        "workers.lanes",
        "http.listen",
        "log.level",
        "records.url",
    }
    assert merged.config.sip.listen == now.sip.listen
    assert merged.config.sip.codecs == ("PCMA",)
    assert merged.config.workers == now.workers
    assert merged.config.records.transcripts is False


def test_tokens_console_and_webhooks_come_and_go_without_a_restart() -> None:
    hook = {"url": "https://example.com/hook", "secret": "whsec_" + "A" * 32}
    api = {"operate": {"alice": "t" * 24}, "listen": ["alice"], "console": False}
    wanted = configuration(api=api, webhooks=[hook])
    for before, after in ((configuration(), wanted), (wanted, configuration())):
        merged = merge(before, after)
        assert merged.config == after
        assert merged.waiting == ()
        assert set(merged.changed) == {"api.operate.alice", "api.listen", "api.console", "webhooks"}


def test_a_list_without_names_differs_as_a_whole() -> None:
    merged = merge(configuration(), configuration(routes=[{"to": "1*", "agent": "reception"}]))
    assert merged.changed == ("routes",)


def test_other_paths_and_switches_of_tls_are_taken() -> None:
    now = configuration(sip={"tls": {"certificate": "/a/cert.pem", "private_key": "/a/key.pem"}})
    wanted = configuration(
        sip={"tls": {"certificate": "/b/cert.pem", "private_key": "/a/key.pem", "verify_client": True}}
    )
    merged = merge(now, wanted)
    assert merged.changed == ("sip.tls.certificate", "sip.tls.verify_client")
    assert merged.waiting == ()


@pytest.mark.parametrize("key", [".".join(path) for path in FIXED])
def test_the_manual_names_every_key_that_waits_for_a_restart(key: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("What waits for a restart: ")
    listed, _, _ = rest.partition("; and all of")
    assert f"`{key}`" in listed.replace(",", " ").split()
