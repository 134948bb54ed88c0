"""The heart of a plane on a loop whose clock is virtual, which no other program can make late."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from talkpath.bridge.media.counters import LatenessHistogram
from talkpath.bridge.media.heartbeat import Heartbeat
from talkpath.bridge.media.lane import TICK_SECONDS, Beat, LaneMedia
from talkpath.bridge.media.plane import MediaPlane
from tests.bridge.media.phone import drain, udp
from tests.harness.virtual_time import VirtualTimeLoop, in_virtual_time

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def beating(deliver: Callable[[Beat], None]) -> Iterator[tuple[MediaPlane, Heartbeat, socket.socket]]:
    """A plane without lanes whose heart beats, and a telephone."""
    loop = asyncio.get_running_loop()
    plane = MediaPlane(4, start=loop.time())
    heartbeat = Heartbeat(plane, deliver, loop)
    heartbeat.start()
    with udp() as phone:
        try:
            yield plane, heartbeat, phone
        finally:
            heartbeat.stop()
            plane.close()


@contextlib.contextmanager
def lane_to(phone: socket.socket, plane: MediaPlane) -> Iterator[None]:
    now = asyncio.get_running_loop().time()
    with udp() as port:
        lane = plane.open_lane(port, "pcmu", now)
        plane.configure_lane(lane, LaneMedia("PCMU", 0, *phone.getsockname()), now)
        yield
        plane.close_lane(lane)


SECOND = 1.0 - TICK_SECONDS / 2
"""Two hundred ticks, the one at its begin among them and that at its end not."""


def ignore(_: Beat) -> None:
    """Nobody takes the audio."""


@in_virtual_time
async def test_a_plane_beats_on_the_loop_and_sends_its_packets() -> None:
    beats: list[Beat] = []
    with beating(beats.append) as (plane, heartbeat, phone), lane_to(phone, plane):
        await asyncio.sleep(SECOND)
        assert len(drain(phone)) == 50
        assert len(beats) == 46, "each that brought audio, which begins behind the jitter buffer"
        assert sum(plane.lateness.counts) == plane.lateness.counts[0] == 200
        assert heartbeat.errors == plane.lateness.skipped == 0


def test_a_failing_beat_is_reported_and_the_next_one_comes() -> None:
    reports: list[dict[str, Any]] = []

    def refuse(_: Beat) -> None:
        raise LookupError("nobody takes this audio")

    @in_virtual_time
    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        with beating(refuse) as (plane, heartbeat, phone), lane_to(phone, plane):
            await asyncio.sleep(SECOND)
            assert heartbeat.errors == 46
            assert len(drain(phone)) == 50

    story()
    assert [type(report["exception"]) for report in reports] == [LookupError] * 46


@in_virtual_time
async def test_a_blocked_loop_skips_ticks_instead_of_racing_after_them() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    with beating(ignore) as (plane, _, phone), lane_to(phone, plane):
        await asyncio.sleep(0.02)
        drain(phone)
        loop.block(0.2)
        await asyncio.sleep(TICK_SECONDS)
        assert plane.lateness.skipped == 39, "of 40 ticks, all but the late one"
        assert len(drain(phone)) == 1, "no burst"
        assert plane.next_deadline > loop.time()


@in_virtual_time
async def test_the_heart_rests_without_lanes_and_wakes_with_the_first_one() -> None:
    with beating(ignore) as (plane, _, phone):
        await asyncio.sleep(1.0)
        assert sum(plane.lateness.counts) == 0
        with lane_to(phone, plane):
            await asyncio.sleep(SECOND)
            assert len(drain(phone)) == 50
        beats = sum(plane.lateness.counts)
        await asyncio.sleep(1.0)
        assert sum(plane.lateness.counts) - beats <= 1, "the one that finds nobody"
        assert plane.lateness.skipped == 0, "neither rest is counted"


def test_lateness_falls_into_buckets() -> None:
    histogram = LatenessHistogram()
    for lateness in (0.0, 0.0005, 0.0006, 0.3):
        histogram.record(lateness)
    assert histogram.counts[0] == 2
    assert histogram.counts[1] == 1
    assert histogram.counts[-1] == 1
    assert sum(histogram.counts) == 4
