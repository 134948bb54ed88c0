from __future__ import annotations

import asyncio
import time
from typing import Any

from talkpath.bridge.media.counters import LatenessHistogram
from talkpath.bridge.media.heartbeat import Heartbeat
from talkpath.bridge.media.lane import Beat, LaneMedia
from talkpath.bridge.media.plane import MediaPlane
from tests.bridge.media.phone import drain, udp


def test_a_plane_beats_on_the_loop_and_sends_its_packets() -> None:
    async def story() -> int:
        loop = asyncio.get_running_loop()
        plane = MediaPlane(4, start=loop.time())
        port, phone = udp(), udp()
        lane = plane.open_lane(port, "pcmu", loop.time())
        plane.configure_lane(lane, LaneMedia("PCMU", 0, *phone.getsockname()), loop.time())
        beats: list[Beat] = []
        heartbeat = Heartbeat(plane, beats.append, loop)
        began = loop.time()
        heartbeat.start()
        while not len(beats) >= 20:  # noqa: ASYNC110 - the loop's clock is what is tested
            await asyncio.sleep(0.02)
        heartbeat.stop()
        elapsed = loop.time() - began
        packets = len(drain(phone))
        plane.close()
        port.close()
        phone.close()
        assert heartbeat.errors == 0
        return abs(packets - round(elapsed / 0.02))

    assert asyncio.run(story()) <= 2


def test_a_failing_beat_is_reported_and_the_next_one_comes() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        reports: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        plane = MediaPlane(4, start=loop.time())
        port = udp()
        plane.configure_lane(
            plane.open_lane(port, "pcmu", loop.time()), LaneMedia("PCMU", 0, "127.0.0.1", 9), loop.time()
        )

        def refuse(_: Beat) -> None:
            raise LookupError("nobody takes this audio")

        heartbeat = Heartbeat(plane, refuse, loop)
        heartbeat.start()
        while heartbeat.errors < 3:  # noqa: ASYNC110 - the loop's clock is what is tested
            await asyncio.sleep(0.01)
        heartbeat.stop()
        plane.close()
        port.close()
        assert {type(report["exception"]) for report in reports} == {LookupError}

    asyncio.run(story())


def test_a_blocked_loop_skips_ticks_instead_of_racing_after_them() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        plane = MediaPlane(4, start=loop.time())
        port = udp()
        plane.open_lane(port, "pcmu", loop.time())
        heartbeat = Heartbeat(plane, lambda _: None, loop)
        heartbeat.start()
        await asyncio.sleep(0.02)
        time.sleep(0.1)  # noqa: ASYNC251 - the fault under test is a callback that blocks the loop
        await asyncio.sleep(0.02)
        heartbeat.stop()
        plane.close()
        port.close()
        assert plane.lateness.skipped >= 15
        assert plane.next_deadline > loop.time() - 0.05

    asyncio.run(story())


def test_the_heart_rests_without_lanes_and_wakes_with_the_first_one() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        plane = MediaPlane(4, start=loop.time())
        heartbeat = Heartbeat(plane, lambda _: None, loop)
        heartbeat.start()
        await asyncio.sleep(0.05)
        assert sum(plane.lateness.counts) == 0
        port, phone = udp(), udp()
        lane = plane.open_lane(port, "pcmu", loop.time())
        plane.configure_lane(lane, LaneMedia("PCMU", 0, *phone.getsockname()), loop.time())
        while not drain(phone):  # noqa: ASYNC110 - the loop's clock is what is tested
            await asyncio.sleep(0.01)
        plane.close_lane(lane)
        await asyncio.sleep(0.02)
        beats = sum(plane.lateness.counts)
        await asyncio.sleep(0.05)
        assert sum(plane.lateness.counts) == beats
        assert plane.lateness.skipped < 10  # the rest before the first lane is not counted
        heartbeat.stop()
        plane.close()
        port.close()
        phone.close()

    asyncio.run(story())


def test_lateness_falls_into_buckets() -> None:
    histogram = LatenessHistogram()
    for lateness in (0.0, 0.0005, 0.0006, 0.3):
        histogram.record(lateness)
    assert histogram.counts[0] == 2
    assert histogram.counts[1] == 1
    assert histogram.counts[-1] == 1
    assert sum(histogram.counts) == 4
