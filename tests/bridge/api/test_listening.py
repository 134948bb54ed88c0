"""Listening by the API over a real socket, and who may."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.api import listening
from talkpath.bridge.api.listening import MAX_QUEUED
from talkpath.bridge.api.service import Control
from talkpath.bridge.recording.files import HEADER_BYTES
from talkpath.sip import messages as m
from tests.bridge.api.daemon_double import OPERATE, READ
from tests.bridge.api.test_stream import Served
from tests.bridge.api.told import began, over, state
from tests.harness.metrics import counted
from tests.harness.peers import until

if TYPE_CHECKING:
    from collections.abc import Callable

API = {"read": {"wall": READ}, "operate": {"alice": OPERATE}, "listen": ["wall"]}


def sound(number: int = 7, call: str = "c-1") -> m.CallSound:
    """60 ms of a call: the caller's number, the agent's is one more."""
    both = np.tile(np.array([number, number + 1], "<i2"), 480)
    return m.CallSound(call=call, samples=both.tobytes())


def with_a_call() -> Served:
    served = Served(api=API)
    for message in (began(), state("talking")):
        served.daemon.control.message("worker-0", message)
    return served


def value(served: Served, name: str, **labels: str) -> float:
    return counted(served.daemon.metrics.registry, name, **labels)


def orders(served: Served) -> list[tuple[bool, str]]:
    """Who was said to listen, and to listen no more."""
    return [(one.on, one.who) for one in served.daemon.told if isinstance(one, m.ListenCall)]


def test_a_call_is_heard_as_a_stereo_wave_file_until_it_is_over() -> None:
    async def story() -> None:
        async with with_a_call() as served, served.client() as http:
            async with http.stream("GET", "/calls/c-1/audio") as answer:
                assert answer.headers["content-type"] == "audio/wav"
                assert orders(served) == [(True, "wall")]
                assert value(served, "listening") == 1
                for number in (10, 20):
                    served.daemon.control.message("worker-0", sound(number))
                served.daemon.control.message("worker-0", sound(99, call="c-other"))
                served.daemon.control.message("worker-0", over())
                octets = await answer.aread()
            assert orders(served) == [(True, "wall"), (False, "wall")]
            assert value(served, "listening") == 0
            with wave.open(io.BytesIO(octets)) as file:
                assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8_000, 2)
            both = np.frombuffer(octets[HEADER_BYTES:], "<i2").reshape(-1, 2)
            assert both[::480].tolist() == [[10, 11], [20, 21]]

    asyncio.run(story())


def test_two_listen_to_one_call_and_who_goes_takes_nothing_from_the_other() -> None:
    async def story() -> None:
        async with with_a_call() as served, served.client() as http:
            async with http.stream("GET", "/calls/c-1/audio") as one:
                async with http.stream("GET", "/calls/c-1/audio"):
                    assert value(served, "listening") == 2
                await until(lambda: value(served, "listening") == 1)
                served.daemon.control.message("worker-0", sound(5))
                served.daemon.control.message("worker-0", over())
                assert len(await one.aread()) == HEADER_BYTES + len(sound().samples)
            numbers = {one.listener for one in served.daemon.told if isinstance(one, m.ListenCall)}
            assert len(numbers) == 2

    asyncio.run(story())


def test_who_reads_too_slowly_misses_the_oldest_and_it_is_counted() -> None:
    async def story() -> None:
        async with with_a_call() as served:
            control = served.daemon.control
            ear = await control.listen_to("c-1", "wall")
            for number in range(MAX_QUEUED + 3):
                control.message("worker-0", sound(number))
            assert value(served, "listening_dropped_total", cause="listener") == 3
            assert await ear.take() == sound(3).samples
            control.listening.leave(ear)

    asyncio.run(story())


def test_a_right_that_is_taken_away_ends_what_is_under_way() -> None:
    async def story() -> None:
        async with with_a_call() as served, served.client() as http:
            async with http.stream("GET", "/calls/c-1/audio") as answer:
                config = served.daemon.config
                api = config.api.model_copy(update={"listen": ()})
                served.daemon.config = config.model_copy(update={"api": api})
                served.daemon.control.message("worker-0", sound())
                assert len(await answer.aread()) == HEADER_BYTES
            assert orders(served)[-1] == (False, "wall")

    asyncio.run(story())


def worker_dies(control: Control) -> None:
    control.message("worker-0", m.PeerLost(who="worker", calls=()))


@pytest.mark.parametrize("end", [Control.close, worker_dies])
def test_the_end_of_the_daemon_or_of_the_worker_ends_the_stream(end: Callable[[Control], None]) -> None:
    async def story() -> None:
        async with with_a_call() as served, served.client() as http:
            async with http.stream("GET", "/calls/c-1/audio") as answer:
                end(served.daemon.control)
                assert len(await answer.aread()) == HEADER_BYTES
            assert value(served, "listening") == 0

    asyncio.run(story())


def test_who_is_not_named_may_not_listen_whatever_else_they_may() -> None:
    daemon = with_a_call().daemon
    answer = daemon.http.get("/calls/c-1/audio")
    assert answer.status_code == 403
    assert "[api] listen names those who may" in answer.json()["detail"]
    assert daemon.told == []
    assert [one.get("/desk").json()["listen"] for one in (daemon.http, daemon.reader)] == [False, True]


def test_there_is_no_sound_of_a_call_that_is_not_there_and_none_for_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    daemon = with_a_call().daemon
    assert daemon.reader.get("/calls/c-9/audio").status_code == 404
    daemon.answer = lambda order: m.OrderAnswered(
        call=order.call, request=order.request, verdict="not_now", problem="The call has no sound yet."
    )
    assert daemon.reader.get("/calls/c-1/audio").status_code == 409
    assert len(daemon.control.listening) == 0
    monkeypatch.setattr(listening, "MAX_LISTENERS", 0)
    assert daemon.reader.get("/calls/c-1/audio").status_code == 503
