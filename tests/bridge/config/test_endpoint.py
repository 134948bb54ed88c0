from __future__ import annotations

from typing import Any

from talkpath.bridge.config.endpoint import endpoint
from tests.bridge.config.with_one_agent import config


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
