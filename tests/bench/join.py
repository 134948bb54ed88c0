"""How much later a joined caller is heard: two lanes of a plane, in virtual time.

Run with `python -m tests.bench.join`. One far end counts in its frames; the other is listened to. What is
measured is the time from a packet's coming in to its going out again, without a network: the cushion of the
join, the beat, and what jitter of the packets adds. The clock is virtual, so that the figures are exact.
"""

from __future__ import annotations

import heapq
import random
import socket
import sys
from typing import Final

import numpy as np

from talkpath.bridge.media.lane import TICK_SECONDS, LaneMedia
from talkpath.bridge.media.plane import MediaPlane
from talkpath.codecs import rtp

FRAME: Final = 0.02
FRAMES: Final = 800
RUNS: Final = 4
NUMBERS: Final = 128
"""Frames are told apart by their codes, which repeat after so many."""


def added(jitter: float, seed: int = 1) -> list[float]:
    """Milliseconds that each frame spent in the plane, sorted.

    Args:
        jitter: Seconds that packets may come too late; evenly spread.
        seed: Of the delays and of the place of the packets in the beat.
    """
    chance = random.Random(seed)  # noqa: S311 - a fixed seed is the point
    plane = MediaPlane(8, start=0.0)
    ports, phones = [_udp(), _udp()], [_udp(), _udp()]
    lanes = [plane.open_lane(port, "pcmu", 0.0) for port in ports]
    for lane, phone in zip(lanes, phones, strict=True):
        plane.configure_lane(lane, LaneMedia("PCMU", 0, *phone.getsockname()), 0.0)
    plane.join(*lanes)
    offset = chance.random() * FRAME
    coming = [(number * FRAME + offset + chance.random() * jitter, number) for number in range(FRAMES)]
    heapq.heapify(coming)
    spent: list[float] = []
    sent: dict[int, float] = {}
    for tick in range(round(FRAMES * FRAME / TICK_SECONDS)):
        now = tick * TICK_SECONDS
        while coming and coming[0][0] <= now:
            at, number = heapq.heappop(coming)
            sent[number % NUMBERS] = at
            phones[0].sendto(_packet(number), ports[0].getsockname())
        plane.beat(now)
        known = [code for code in _heard(phones[1]) if code in sent]
        spent += [(now - sent.pop(code)) * 1000 for code in known]
    for sock in (*ports, *phones):
        sock.close()
    plane.close()
    return sorted(spent)


def _packet(number: int) -> bytes:
    payload = np.full((1, 160), number % NUMBERS, np.uint8)
    packet: bytes = rtp.build(payload, 0, number & 0xFFFF, number * 160, 1, number == 0)[0].tobytes()
    return packet


def _heard(phone: socket.socket) -> list[int]:
    codes = []
    while True:
        try:
            codes.append(phone.recv(2_048)[rtp.HEADER_LENGTH])
        except BlockingIOError:
            return codes


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def main() -> None:
    """Print the table."""
    sys.stdout.write("jitter ms   p50 ms   p99 ms   heard\n")
    for jitter in (0.0, 0.005, 0.02, 0.05):
        runs = [each for seed in range(RUNS) for each in added(jitter, seed)]
        runs.sort()
        share = len(runs) / (RUNS * FRAMES)
        p50, p99 = runs[len(runs) // 2], runs[int(len(runs) * 0.99)]
        sys.stdout.write(f"{jitter * 1000:9.0f}  {p50:7.1f}  {p99:7.1f}  {share:6.1%}\n")


if __name__ == "__main__":
    main()
