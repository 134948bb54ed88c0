"""Client events as bytes."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.realtime import wire
from talkpath.bridge.realtime.settings import SessionSettings
from talkpath.sip.messages import Secret
from tests.bridge.realtime.driver import check_client_event


@given(st.binary(max_size=2000))
def test_an_append_is_valid_and_carries_exactly_the_audio(audio: bytes) -> None:
    event = check_client_event(wire.append_event(audio))
    assert event["type"] == "input_audio_buffer.append"
    assert base64.b64decode(event["audio"], validate=True) == audio


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_audio_may_come_in_any_buffer(kind: type) -> None:
    assert wire.append_event(kind(b"\xff" * 160)) == wire.append_event(b"\xff" * 160)


@pytest.mark.parametrize("role", ["user", "system", "assistant"])
def test_messages_are_valid_for_every_role(role: str) -> None:
    event = wire.message_item(role, "Grüße", "item_1")
    decoded = check_client_event(wire.encode_event({**event, "event_id": "x"}))
    assert decoded["item"]["content"][0]["text"] == "Grüße"


def test_secrets_do_not_show() -> None:
    settings = SessionSettings(api_key=Secret("sk-1"), extra_headers=(("X", Secret("sk-2")),))
    assert "sk-" not in repr(settings)
    assert settings.headers() == [("X", "sk-2"), ("Authorization", "Bearer sk-1")]


def test_the_model_goes_into_the_url_unless_it_is_there() -> None:
    base = "ws://127.0.0.1:1/v1/realtime"
    assert SessionSettings(url=base, model="a/b").request_url() == f"{base}?model=a%2Fb"
    assert SessionSettings(url=f"{base}?model=x", model="y").request_url() == f"{base}?model=x"
    assert SessionSettings(url=f"{base}?x=1", model="").request_url() == f"{base}?x=1"
