"""The real server on a loopback port: handshake, faults of the connection, and independent clients."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from talkpath.bridge.simulator.faults import Break, Faults, Mute, Timing
from talkpath.bridge.simulator.handshake import Access
from talkpath.bridge.simulator.server import Simulator, run_simulator
from tests.bridge.simulator.driving import check_frame

if TYPE_CHECKING:
    from talkpath.bridge.simulator.reply import Heard, Reply, Turn

KEY = {"Authorization": "Bearer sk-anything"}
QUICK = Timing.instant()


async def receive(socket: ClientConnection, until: str = "") -> list[dict[str, Any]]:
    """Read frames up to one of a type, or to the close."""
    frames: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(10):
            while not frames or frames[-1]["type"] != until:
                frames.append(json.loads(await socket.recv()))
    except ConnectionClosed:
        pass
    return frames


def visit(query: str = "?model=gpt-realtime", headers: dict[str, str] | None = None, **options: Any) -> Any:
    """Connect, read to the close, and return the frames and the close code and reason."""

    async def run() -> Any:
        async with (
            Simulator(timing=QUICK, **options) as sim,
            connect(sim.url + query, additional_headers=KEY if headers is None else headers) as socket,
        ):
            frames = await receive(socket)
            return frames, socket.close_code, socket.close_reason

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("query", "headers", "code", "close"),
    [
        ("?model=m", {}, None, (3000, "invalid_request_error")),
        (
            "?model=m",
            {"Authorization": "Bearer bad"},
            "invalid_api_key",
            (3000, "invalid_request_error.invalid_api_key"),
        ),
        ("", KEY, "missing_model", (4000, "invalid_request_error.missing_model")),
        ("?model=unknown-model", KEY, "invalid_model", (4000, "invalid_request_error.invalid_model")),
        (
            "?model=m",
            {**KEY, "OpenAI-Beta": "realtime=v1"},
            "beta_api_shape_disabled",
            (4000, "invalid_request_error.beta_api_shape_disabled"),
        ),
    ],
)
def test_the_door_is_closed_after_the_upgrade_with_a_reason(
    query: str, headers: dict[str, str], code: str | None, close: tuple[int, str]
) -> None:
    frames, *found = visit(query, headers)
    assert [frame["type"] for frame in frames] == ["error"]
    assert frames[0]["error"]["code"] == code
    assert tuple(found) == close
    check_frame(frames[0])


def test_only_configured_keys_come_in() -> None:
    frames, code, _ = visit(access=Access(keys=frozenset({"sk-right"})))
    assert (frames[0]["error"]["code"], code) == ("invalid_api_key", 3000)
    assert "sk-right" not in repr(Access(keys=frozenset({"sk-right"})))


@pytest.mark.parametrize("status", [429, 503])
def test_the_upgrade_can_be_refused_once_and_work_again(status: int) -> None:
    async def run() -> None:
        async with Simulator(timing=QUICK, faults=[Faults(refuse_status=status), Faults()]) as sim:
            with pytest.raises(InvalidStatus) as refused:
                await connect(sim.url + "?model=m", additional_headers=KEY)
            assert refused.value.response.status_code == status
            async with connect(sim.url + "?model=m", additional_headers=KEY) as socket:
                assert (await receive(socket, "session.created"))[0]["session"]["model"] == "m"
            assert sim.connections == 2

    asyncio.run(run())


def test_other_paths_are_not_found() -> None:
    async def run() -> None:
        async with Simulator() as sim:
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://127.0.0.1:{sim.port}/elsewhere", additional_headers=KEY)
            assert refused.value.response.status_code == 404

    asyncio.run(run())


def test_browsers_may_bring_their_key_as_a_subprotocol() -> None:
    async def run() -> None:
        offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.sk-x")]
        async with (
            Simulator(timing=QUICK) as sim,
            connect(sim.url + "?model=m", subprotocols=offered) as socket,
        ):
            assert socket.subprotocol == "realtime"
            assert (await receive(socket, "session.created"))[0]["type"] == "session.created"

    asyncio.run(run())


def test_a_binary_frame_is_an_error_and_the_connection_stays() -> None:
    async def run() -> None:
        async with (
            Simulator(timing=QUICK) as sim,
            connect(sim.url + "?model=m", additional_headers=KEY) as socket,
        ):
            await socket.send(b"\x00\x01")
            assert (await receive(socket, "error"))[-1]["error"]["code"] == "invalid_event"
            await socket.send('{"type":"response.create"}')
            assert (await receive(socket, "response.done"))[-1]["response"]["status"] == "completed"

    asyncio.run(run())


@pytest.mark.parametrize(("code", "seen"), [(1011, 1011), (3000, 3000), (None, 1006)])
def test_the_connection_ends_as_the_fault_says(code: int | None, seen: int) -> None:
    fault = Faults(breaks=(Break(code=code, on="session.created"),))
    frames, found, _ = visit(faults=fault)
    assert [frame["type"] for frame in frames] == ["session.created"]
    assert found == seen


def test_a_short_session_ends_with_1001() -> None:
    frames, code, reason = visit(faults=Faults(session_limit_s=0.05))
    assert frames[-1]["error"]["code"] == "session_expired"
    assert (code, reason) == (1001, frames[-1]["error"]["message"])


def test_an_unread_socket_takes_no_more_than_its_buffers_hold() -> None:
    async def run() -> None:
        fault = Faults(stop_reading=Mute(after_s=0, seconds=60))
        async with (
            Simulator(timing=QUICK, faults=fault) as sim,
            connect(sim.url + "?model=m", additional_headers=KEY, compression=None) as socket,
        ):
            await receive(socket, "session.created")
            text = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 1_000_000})
            sent = 0
            while sent < 64:
                try:
                    async with asyncio.timeout(0.5):
                        await socket.send(text)
                except TimeoutError:
                    break
                sent += 1
            assert sent < 64, "64 MB went into a socket that nobody reads"
            assert sim.sessions[0].received_counts["input_audio_buffer.append"] <= 1
            socket.transport.abort()

    asyncio.run(run())


class Broken:
    """A persona that breaks."""

    name = "broken"
    blocking = True

    def transcribe(self, heard: Heard) -> str:
        raise ValueError(heard.item_id)

    def reply(self, turn: Turn) -> Reply:
        raise ValueError(turn.response_id)


def test_a_persona_that_breaks_is_a_failed_response(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with (
            Simulator(persona=Broken(), timing=QUICK) as sim,
            connect(sim.url + "?model=m", additional_headers=KEY) as socket,
        ):
            await socket.send('{"type":"response.create"}')
            assert (await receive(socket, "response.done"))[-1]["response"]["status"] == "failed"

    asyncio.run(run())
    assert "persona broken broke" in caplog.text


def test_the_bench_lane_gives_back_what_it_hears_in_pieces_of_100_ms() -> None:
    async def run() -> None:
        async with (
            Simulator(persona="bench") as sim,
            connect(sim.url + "?model=m", additional_headers=KEY) as socket,
        ):
            created = (await receive(socket, "session.created"))[0]
            fmt = {"format": {"type": "audio/pcmu"}}
            update = {
                "type": "session.update",
                "session": {"type": "realtime", "audio": {"input": fmt, "output": fmt}},
            }
            await socket.send(json.dumps(update))
            updated = (await receive(socket, "session.updated"))[0]
            sound = np.random.default_rng(0).integers(0, 256, 1700, dtype=np.uint8).tobytes()
            for start in range(0, 1700, 170):
                audio = base64.b64encode(sound[start : start + 170]).decode()
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            frames = [json.loads(await socket.recv()) for _ in range(4)]
            for frame in (created, updated, *frames):
                check_frame(frame)
            deltas = [base64.b64decode(frame["delta"]) for frame in frames[2:]]
            assert [len(delta) for delta in deltas] == [800, 800]
            assert b"".join(deltas) == sound[:1600]
            await socket.send("nonsense")
            assert json.loads(await socket.recv())["error"]["code"] == "invalid_json"

    asyncio.run(run())


class Closing:
    """A persona that has something to let go of."""

    name = "closing"
    blocking = False
    closed = 0

    def transcribe(self, heard: Heard) -> str:
        return heard.item_id

    def reply(self, turn: Turn) -> Reply:
        raise NotImplementedError(turn.response_id)

    def close(self) -> None:
        self.closed += 1


def test_a_terminated_simulator_closes_its_port_and_its_persona() -> None:
    persona = Closing()

    async def run() -> None:
        urls: asyncio.Queue[str] = asyncio.Queue()
        serving = asyncio.create_task(run_simulator(port=0, persona=persona, listening=urls.put_nowait))
        async with asyncio.timeout(5):
            url = await urls.get()
            assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d+/v1/realtime", url), "the port that was found"
            signal.raise_signal(signal.SIGTERM)
            await serving

    asyncio.run(run())
    assert persona.closed == 1
