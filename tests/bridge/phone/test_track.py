from __future__ import annotations

import asyncio

import numpy as np
from av import AudioFrame

from talkpath.bridge.phone.track import MAX_FRAMES, LaneTrack


def frame(value: int) -> AudioFrame:
    return AudioFrame.from_ndarray(np.full((1, 320), value, np.int16), format="s16", layout="mono")


async def begun(track: LaneTrack) -> None:
    """The peer connection reads from now on."""
    first = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    track.put(frame(0))
    await first


def test_what_came_before_anybody_read_is_forgotten_and_not_counted() -> None:
    async def story() -> None:
        track = LaneTrack()
        for _ in range(MAX_FRAMES + 5):
            track.put(frame(9))
        first = asyncio.create_task(track.recv())
        await asyncio.sleep(0)
        track.put(frame(1))
        assert (await first).to_ndarray()[0, 0] == 1
        assert track.dropped == 0

    asyncio.run(story())


def test_frames_come_in_order_and_a_reader_waits_for_the_next_one() -> None:
    async def story() -> None:
        track = LaneTrack()
        await begun(track)
        track.put(frame(1))
        track.put(frame(2))
        assert [(await track.recv()).to_ndarray()[0, 0] for _ in range(2)] == [1, 2]
        waiting = asyncio.create_task(track.recv())
        await asyncio.sleep(0)
        assert not waiting.done()
        track.put(frame(3))
        assert (await waiting).to_ndarray()[0, 0] == 3

    asyncio.run(story())


def test_a_track_that_nobody_reads_keeps_the_newest_frames_and_counts_the_others() -> None:
    async def story() -> None:
        track = LaneTrack()
        await begun(track)
        for value in range(MAX_FRAMES + 3):
            track.put(frame(value))
        assert track.dropped == 3
        assert (await track.recv()).to_ndarray()[0, 0] == 3

    asyncio.run(story())
