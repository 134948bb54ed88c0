"""One session on one lane, frame by frame: the order in which things are done."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from talkpath.bridge.call.model_leg import UNHEARD_FRAMES
from talkpath.bridge.realtime import effects as e
from talkpath.bridge.realtime.connect_errors import ConnectError
from talkpath.bridge.realtime.settings import SessionSettings
from tests.bridge.call.leg_stand import Stand
from tests.harness.virtual_time import in_virtual_time

REFUSED = ConnectError("http_401", "The key was refused.", retryable=False)


@in_virtual_time
async def test_the_owner_hears_that_the_session_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        assert stand.owner.names() == ["Configured", "ready"]
        assert stand.types() == ["session.update"]


@in_virtual_time
async def test_a_refused_connection_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch, REFUSED) as stand:
        stand.leg.open()
        await asyncio.sleep(1)
        stand.leg.close()
        assert stand.owner.told == [("lost", False, "The key was refused.")]


@in_virtual_time
async def test_how_long_a_busy_server_asks_to_be_left_alone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(
        monkeypatch, ConnectError("http_429", "Too many.", retryable=True, retry_after=7)
    ) as stand:
        stand.leg.open()
        await asyncio.sleep(1)
        assert stand.owner.told == [("lost", True, "Too many.", 7)]


@in_virtual_time
async def test_an_unforeseen_error_of_the_connect_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch, ZeroDivisionError()) as stand:
        stand.leg.open()
        await asyncio.sleep(1)
        assert stand.owner.told == [("broke", "ZeroDivisionError")]


@in_virtual_time
async def test_a_leg_closed_while_it_connects_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        stand.leg.open()
        stand.leg.close()
        await asyncio.sleep(1)
        assert stand.owner.told == []
        stand.leg = stand.new_leg()
        stand.leg.open()
        await asyncio.sleep(0.05)
        stand.leg.close()
        await asyncio.sleep(1)
        assert stand.owner.told == []
        assert stand.sockets == []


@in_virtual_time
async def test_history_goes_out_before_the_order_to_speak_that_the_owner_gives_when_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Stand(monkeypatch) as stand:
        stand.owner.on["ready"] = lambda: stand.leg.say("I am back.")
        stand.leg.open([e.SeedMessage("user", "One."), e.SeedMessage("assistant", "Two.")])
        await asyncio.sleep(0.2)
        stand.configured()
        expected = ["session.update", *["conversation.item.create"] * 2, "response.create"]
        assert stand.types() == expected


@in_virtual_time
async def test_history_goes_out_before_what_the_caller_said_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server may answer a turn as soon as it has heard it."""
    async with Stand(monkeypatch) as stand:
        stand.leg.open([e.SeedMessage("user", "One.")])
        await asyncio.sleep(0.2)
        frames: list[bytes] = []
        monkeypatch.setattr(stand.socket, "take", frames.append)
        stand.leg.append(bytes(160))
        stand.configured()
        kinds = [json.loads(frame)["type"] for frame in frames]
        assert kinds == ["session.update", "conversation.item.create", "input_audio_buffer.append"]


@in_virtual_time
async def test_an_owner_that_closes_the_leg_when_it_is_ready_ends_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Stand(monkeypatch) as stand:
        stand.owner.on["ready"] = stand.leg.close
        stand.leg.open()
        stand.leg.say("One.")
        await asyncio.sleep(0.2)
        stand.configured()
        assert stand.types() == ["session.update"]
        stand.socket.frame("input_audio_buffer.speech_started", audio_start_ms=0, item_id="x")
        assert stand.owner.names() == ["Configured", "ready"]


@in_virtual_time
async def test_an_owner_that_breaks_is_told_so_and_the_socket_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        stand.owner.on["ready"] = lambda: 1 / 0
        await stand.ready()
        assert stand.owner.told[-1] == ("broke", "ZeroDivisionError")


@in_virtual_time
async def test_what_the_caller_says_before_the_session_is_ready_is_kept_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Stand(monkeypatch) as stand:
        stand.leg.open()
        for number in range(UNHEARD_FRAMES + 50):
            stand.leg.append(bytes([number % 256]) * 160)
        await asyncio.sleep(0.2)
        assert stand.socket.heard == b""
        stand.configured()
        assert len(stand.socket.heard) == UNHEARD_FRAMES * 160
        assert stand.socket.heard[0] == 50, "the oldest goes first"
        stand.leg.append(b"\x01" * 160)
        assert stand.socket.heard[-1] == 1


@in_virtual_time
async def test_frames_are_joined_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        stand.leg = stand.new_leg(SessionSettings(uplink_ms=60))
        await stand.ready()
        heard = []
        for number in range(8):
            stand.leg.append(bytes([number]) * 160)
            heard.append(len(stand.socket.heard) // 160)
        assert heard == [0, 0, 3, 3, 3, 6, 6, 6]
        assert stand.socket.heard == b"".join(bytes([number]) * 160 for number in range(6))


@in_virtual_time
async def test_hanging_up_after_words_needs_no_further_response(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.begin()
        stand.speak()
        item = stand.hang_up()
        assert stand.owner.names().count("goodbye") == 1
        assert stand.leg.busy
        stand.done(output=[item])
        assert "response.create" not in stand.types()
        assert stand.leg.busy, "it is still being heard"
        stand.leg.playout_drained("i1")
        assert (stand.leg.busy, stand.owner.names()[-1]) == (False, "over?")


@in_virtual_time
async def test_hanging_up_without_words_asks_for_a_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.begin()
        item = stand.hang_up()
        stand.done(output=[item])
        assert stand.types()[-2:] == ["conversation.item.create", "response.create"]
        assert "goodbye" in str(stand.socket.sent[-2])
        assert stand.leg.busy


@in_virtual_time
async def test_words_of_an_earlier_response_are_no_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.begin()
        stand.speak()
        stand.done()
        stand.begin("r2")
        item = stand.hang_up("r2")
        stand.done("r2", output=[item])
        assert stand.types()[-1] == "response.create"


@in_virtual_time
async def test_a_barge_in_is_measured_and_told_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.begin()
        stand.speak(frames=100)
        for _ in range(100):
            stand.plane.beat(stand.loop.time())
            await asyncio.sleep(0.005)
        stand.socket.frame("input_audio_buffer.speech_started", audio_start_ms=0, item_id="x")
        truncate = stand.socket.asked("conversation.item.truncate")[0]
        assert (truncate["item_id"], truncate["audio_end_ms"]) == ("i1", pytest.approx(500, abs=40))
        assert stand.owner.told[-2:] == [("spoke", pytest.approx(0.0, abs=0.2)), ("Interrupted",)]
        assert stand.plane.queued_ms(stand.lane) <= 20, "no more than the fade"


@in_virtual_time
async def test_words_of_the_leg_before_are_stopped_without_telling_the_new_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.begin()
        stand.speak("old", frames=100)
        stand.leg.close()
        stand.leg = stand.new_leg()
        await stand.ready()
        stand.begin("r2")
        stand.speak("new", "r2")
        stand.socket.frame("input_audio_buffer.speech_started", audio_start_ms=0, item_id="x")
        assert stand.plane.idle(stand.lane)
        assert stand.owner.names().count("spoke") == 1
        assert stand.socket.asked("conversation.item.truncate") == []
        assert [gone["item_id"] for gone in stand.socket.asked("conversation.item.delete")] == ["new"]


@in_virtual_time
async def test_a_leg_that_ends_lets_what_it_said_be_heard_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.begin()
        stand.speak(frames=10)
        stand.socket.drop(1006, "gone")
        assert stand.owner.told[-1] == ("lost", True, "The model server closed the socket: 1006 gone")
        for _ in range(60):
            stand.plane.beat(stand.loop.time())
            await asyncio.sleep(0.005)
        assert stand.plane.idle(stand.lane)


@in_virtual_time
async def test_a_tool_that_is_at_work_ends_with_the_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.begin()
        item = {"id": "fc1", "type": "function_call", "status": "completed", "name": "look"}
        item |= {"call_id": "c", "arguments": "{}"}
        stand.done(output=[item])
        await stand.tool_started.wait()
        assert stand.leg.busy
        stand.leg.close()
        await asyncio.sleep(2)
        assert "function_call_output" not in str(stand.socket.sent)


@in_virtual_time
async def test_deadlines_of_the_session_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        stand.leg.open()
        await asyncio.sleep(6)
        name, retryable, sentence = stand.owner.told[-1]
        assert (name, retryable) == ("lost", True)
        assert "did not answer in time" in sentence


@in_virtual_time
async def test_the_end_that_the_server_names_is_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        stand.leg.open()
        await asyncio.sleep(0.2)
        stand.configured(expires_at=time.time() + 600)
        await asyncio.sleep(470)
        assert "SessionExpiring" not in stand.owner.names()
        await asyncio.sleep(20)
        assert "SessionExpiring" in stand.owner.names()


@in_virtual_time
async def test_counts_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stand(monkeypatch) as stand:
        await stand.ready()
        stand.leg.close()
        stand.leg.close()
        assert len(stand.owner.counts) == 2, "those of the session and those of its socket"
        assert stand.owner.counts[0]["event:session.created"] == 1
