from __future__ import annotations

import asyncio
import socket

from talkpath.bridge.phone.lane_socket import LaneSocket


def test_packets_go_to_the_lane_and_only_its_own_come_back() -> None:
    async def story() -> None:
        heard: list[bytes] = []
        came = asyncio.Event()

        def take(datagram: bytes) -> None:
            heard.append(datagram)
            came.set()

        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lane,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        ):
            lane.bind(("127.0.0.1", 0))
            lane.settimeout(5)
            way = LaneSocket(lane.getsockname()[1], take)
            way.send(b"up")
            assert lane.recvfrom(100) == (b"up", ("127.0.0.1", way.port))
            stranger.sendto(b"noise", ("127.0.0.1", way.port))
            lane.sendto(b"down", ("127.0.0.1", way.port))
            await asyncio.wait_for(came.wait(), 5)
            way.close()
            way.close()
        assert heard == [b"down"]

    asyncio.run(story())


def test_a_lane_that_is_gone_is_counted_and_hurts_nobody() -> None:
    async def story() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lane:
            lane.bind(("127.0.0.1", 0))
            port = lane.getsockname()[1]
        way = LaneSocket(port, lambda _datagram: None)
        async with asyncio.timeout(10):
            while not way.failed:
                way.send(b"up")
                await asyncio.sleep(0)
        way.close()

    asyncio.run(story())
