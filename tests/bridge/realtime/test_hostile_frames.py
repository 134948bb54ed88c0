"""Whatever a server sends, in whatever order: nothing is raised, and what we send stays valid."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from talkpath.bridge.realtime.decode import Unreadable, decode_event
from talkpath.bridge.realtime.effects import FlushPlayout, PlayAudio, Played, RunTool
from talkpath.bridge.realtime.lifecycle import State
from tests.bridge.realtime.driver import Driver

IDS = st.sampled_from(["resp_R", "resp_S", "resp_T", ""])
ITEMS = st.sampled_from(["item_A", "item_B", "item_U", "item_tp1", ""])
CALLS = st.sampled_from(["call_1", "call_2", "x" * 200])
STATUS = st.sampled_from(["completed", "cancelled", "failed", "incomplete", "in_progress", "odd"])
CODES = st.sampled_from(
    [
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "session_expired",
        "item_truncate_invalid_item_id",
        "invalid_value",
        None,
    ]
)
EVENT_IDS = st.one_of(st.none(), st.integers(1, 30).map(lambda number: f"tp_{number}"))

item = st.fixed_dictionaries(
    {"id": ITEMS, "type": st.sampled_from(["message", "function_call", "function_call_output"])},
    optional={
        "status": STATUS,
        "name": st.sampled_from(["lookup", "hang_up"]),
        "call_id": CALLS,
        "arguments": st.sampled_from(["{}", '{"a":1}', "{", "[]", ""]),
    },
)
body = st.fixed_dictionaries(
    {"id": IDS},
    optional={
        "status": STATUS,
        "output": st.lists(item, max_size=3),
        "metadata": st.sampled_from([None, {"wish": "1"}, {"wish": "2"}, {"wish": 3}]),
        "status_details": st.sampled_from(
            [
                None,
                {"type": "cancelled", "reason": "turn_detected"},
                {"type": "failed", "error": {"code": "server_error"}},
            ]
        ),
        "usage": st.sampled_from([None, 3, {}, {"input_token_details": {"audio_tokens": -1}}]),
    },
)


def event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


AUDIO = st.binary(max_size=400).map(lambda audio: base64.b64encode(audio).decode())

server_event = st.one_of(
    event("session.created", session=st.just({})),
    event("session.updated", session=st.just({"audio": 3})),
    event("input_audio_buffer.speech_started", item_id=ITEMS, audio_start_ms=st.integers(-5, 10)),
    event("input_audio_buffer.speech_stopped", item_id=ITEMS, audio_end_ms=st.integers(-5, 10)),
    event("input_audio_buffer.committed", item_id=ITEMS),
    event("conversation.item.added", item=item),
    event("conversation.item.done", item=item),
    event("response.created", response=body),
    event("response.done", response=body),
    event("response.output_item.added", response_id=IDS, item=item),
    event("response.output_item.done", response_id=IDS, item=item),
    event("response.output_audio.delta", response_id=IDS, item_id=ITEMS, delta=AUDIO),
    event("response.output_audio.done", response_id=IDS, item_id=ITEMS),
    event(
        "response.output_audio_transcript.delta", response_id=IDS, item_id=ITEMS, delta=st.text(max_size=9)
    ),
    event(
        "response.output_audio_transcript.done",
        response_id=IDS,
        item_id=ITEMS,
        transcript=st.text(max_size=9),
    ),
    event(
        "conversation.item.input_audio_transcription.completed", item_id=ITEMS, transcript=st.text(max_size=9)
    ),
    event("rate_limits.updated", rate_limits=st.just([{"name": "tokens"}])),
    event("error", error=st.fixed_dictionaries({"code": CODES, "event_id": EVENT_IDS, "message": st.text()})),
)

step = st.one_of(
    server_event.map(lambda fields: ("server", fields)),
    server_event.map(lambda fields: ("server", fields)),
    server_event.map(lambda fields: ("server", fields)),
    st.sampled_from(["say", "inject", "digits", "interrupt", "tool", "respond", "drain"]).map(
        lambda k: (k, None)
    ),
    st.floats(0.0, 12.0).map(lambda seconds: ("wait", seconds)),
)


def answer(driver: Driver, effects: list[Any], played_ms: int) -> None:
    """Do what the owner of a call does about effects, as far as the session can tell."""
    if any(isinstance(effect, FlushPlayout) for effect in effects):
        driver.session.flushed([Played(name, played_ms) for name in driver.played()], driver.now)
        driver.take()


def perform(driver: Driver, kind: str, value: Any) -> list[Any]:
    session, now = driver.session, driver.now
    match kind:
        case "server":
            return driver.server(value["type"], **{k: v for k, v in value.items() if k != "type"})
        case "wait":
            return driver.wait(value)
        case "tool":
            for call in driver.effects_of(RunTool):
                session.tool_finished(call.call_id, "1", now)
        case "drain":
            for name in driver.played():
                session.playout_drained(name, now)
        case "say":
            session.say("x", now)
        case "inject":
            session.inject("x", "user", True, now)
        case "digits":
            session.digits("4", now)
        case "interrupt":
            session.interrupt(now)
        case "respond":
            session.respond(now)
    return driver.take()


@settings(max_examples=150, deadline=None)
@given(st.lists(step, max_size=40), st.integers(-10, 100))
def test_no_order_of_events_breaks_a_session_or_its_promises(steps: list[Any], played_ms: int) -> None:
    driver = Driver().ready()
    for kind, value in steps:
        answer(driver, perform(driver, kind, value), played_ms)
    received = {
        name: sum(len(e.audio) for e in driver.effects_of(PlayAudio) if e.item_id == name)
        for name in driver.played()
    }
    for truncation in driver.sent_of("conversation.item.truncate"):
        assert 0 < truncation["audio_end_ms"] <= received[truncation["item_id"]] // 8
    for cancel in driver.sent_of("response.cancel"):
        assert "response_id" in cancel
    # However it was confused: after the caller's turn and a long quiet, nothing is outstanding any more.
    driver.caller_stops()
    answer(driver, driver.wait(400.0), 0)
    for name in driver.played():
        driver.session.playout_drained(name, driver.now)
    assert driver.session.state is State.FAILED or driver.session.idle()


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_random_frames_are_unreadable_and_never_raised(frame: bytes | str) -> None:
    assert isinstance(decode_event(frame), Unreadable)
    driver = Driver().ready()
    driver.session.received(frame, driver.now)
    assert driver.take() == []


@settings(max_examples=300, deadline=None)
@given(server_event, st.data())
def test_mutated_frames_are_never_raised(fields: dict[str, Any], data: st.DataObject) -> None:
    frame = bytearray(msgspec.json.encode(fields))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    driver = Driver().ready()
    driver.session.received(bytes(frame), driver.now)
    driver.take()
    driver.wait(60.0)


def test_a_number_too_large_to_be_a_time_is_none() -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    frame = '{"type":"session.created","session":{"expires_at":1%s}}' % ("0" * 400)
    driver.session.received(frame, driver.now)
    assert driver.session.state is State.CONFIGURING
    assert driver.session.expires_at is None


json_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = [
    "session.created",
    "session.updated",
    "error",
    "response.done",
    "response.created",
    "rate_limits.updated",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.dictionaries(
        st.sampled_from(["session", "error", "response", "item", "rate_limits", "usage", "item_id"]),
        json_value,
    ),
    st.sampled_from([State.OPENING, State.CONFIGURING, State.READY]),
)
def test_fields_of_any_type_are_never_raised(kind: str, fields: dict[str, Any], state: State) -> None:
    driver = Driver()
    driver.session.connected(driver.now)
    if state is not State.OPENING:
        driver.server("session.created", session={})
    if state is State.READY:
        driver.server("session.updated", session=driver.sent[-1]["session"])
    driver.session.received(msgspec.json.encode({"type": kind, **fields}), driver.now)
    driver.take()
    driver.wait(60.0)
