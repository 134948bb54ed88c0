"""Server frames to events: every documented event is read, everything else explained."""

from __future__ import annotations

import base64
from typing import get_args

import msgspec
import pytest
from openai.types.realtime import RealtimeServerEvent

from talkpath.bridge.realtime import events
from talkpath.bridge.realtime.decode import Known, Unreadable, decode_event


def test_audio_comes_out_as_bytes() -> None:
    audio = bytes(range(256)) * 40
    frame = {
        "event_id": "event_9",
        "type": "response.output_audio.delta",
        "response_id": "resp_R",
        "item_id": "item_A",
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(audio).decode(),
    }
    event = decode_event(msgspec.json.encode(frame))
    assert event == events.AudioDelta(response_id="resp_R", item_id="item_A", delta=audio)


def test_unknown_fields_are_ignored() -> None:
    frame = '{"type":"input_audio_buffer.committed","item_id":"i","obfuscation":"k","x":{"y":[1]}}'
    assert decode_event(frame) == events.Committed(item_id="i")


def test_null_is_as_good_as_left_out() -> None:
    started = '{"type":"input_audio_buffer.speech_started","audio_start_ms":1.5,"item_id":null}'
    assert decode_event(started) == events.SpeechStarted()
    delta = '{"type":"response.output_audio.delta","response_id":null,"item_id":"a","delta":"AAAA"}'
    assert decode_event(delta) == events.AudioDelta(item_id="a", delta=bytes(3))
    text = '{"type":"response.output_audio_transcript.done","item_id":"a","transcript":null}'
    assert decode_event(text) == events.TranscriptDone(item_id="a")


def test_an_error_is_read_wherever_its_words_stand() -> None:
    frames = [
        '{"type":"error","error":{"message":"no"}}',
        '{"type":"error","error":"no"}',
        '{"type":"error","message":"no"}',
    ]
    for frame in frames:
        event = decode_event(frame)
        assert isinstance(event, events.ErrorEvent)
        assert event.body() == events.ErrorBody(message="no")


@pytest.mark.parametrize(
    ("frame", "cause", "kind"),
    [
        ('{"type":"response.brand_new","x":1}', "unknown_type", "response.brand_new"),
        (
            '{"type":"response.output_audio.delta","item_id":"a","delta":"!"}',
            "bad_shape",
            "response.output_audio.delta",
        ),
        ('{"type":"response.done","response":[]}', "bad_shape", "response.done"),
        ('{"type":3}', "bad_json", ""),
        ("{}", "bad_json", ""),
        ("[]", "bad_json", ""),
        ("", "bad_json", ""),
        (b"\xff\xfe", "bad_json", ""),
        ("[" * 100_000, "bad_json", ""),
        ("\ud800", "bad_json", ""),
    ],
)
def test_what_cannot_be_read_is_explained(frame: str | bytes, cause: str, kind: str) -> None:
    assert decode_event(frame) == Unreadable(cause, kind)


def test_every_event_we_know_is_an_event_of_the_sdk() -> None:
    (union, *_) = get_args(RealtimeServerEvent)
    types = {get_args(model.model_fields["type"].annotation)[0] for model in get_args(union)}
    ours = {str(cls.__struct_config__.tag) for cls in get_args(Known)}
    assert ours <= types
