"""What the media plane costs per call, over loopback sockets.

Run with `python tests/bench/plane.py`. One process plays both sides: the callers' packets are sent and
drained outside the measured time, so the figures are the CPU of `MediaPlane.beat` and `MediaPlane.play`
alone, system calls included. The clock is virtual and beats run back to back.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import statistics
import sys
import time

# BLAS on one thread, as in the worker; must be set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from talkpath.bridge.media.lane import PHASES, TICK_SECONDS, LaneMedia, ModelFormat
from talkpath.bridge.media.plane import MediaPlane
from talkpath.codecs import rtp

_DELTA_SECONDS = 0.1


class _Callers:
    """The phones: one socket per call, packets spread over the phases."""

    def __init__(self, count: int) -> None:
        self.sockets = [_udp() for _ in range(count)]
        self.ports = [_udp() for _ in range(count)]
        self._payload = np.random.default_rng(1).integers(0, 256, (count, 160), dtype=np.uint8)
        self._epoll = select.epoll()
        for sock in self.sockets:
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._by_descriptor = {sock.fileno(): sock for sock in self.sockets}
        self._targets = [port.getsockname() for port in self.ports]

    def speak(self, tick: int) -> None:
        """Send the packets of one phase."""
        slot, phase = divmod(tick, PHASES)
        count = len(self.sockets)
        packets = rtp.build(self._payload, 0, slot & 0xFFFF, slot * 160, np.arange(count), slot == 0)
        for index in range(phase, count, PHASES):
            self.sockets[index].sendto(packets[index].data, self._targets[index])

    def listen(self) -> int:
        """Drain what arrived; return how many packets."""
        ready = self._epoll.poll(0)
        for descriptor, _ in ready:
            self._by_descriptor[descriptor].recv(2048)
        return len(ready)

    def close(self) -> None:
        """Close every socket."""
        for sock in self.sockets + self.ports:
            sock.close()
        self._epoll.close()


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def measure(calls: int, model_format: ModelFormat, seconds: float) -> tuple[float, float, float]:
    """Return µs of CPU per call-second, the median beat in µs, and the 99th percentile."""
    plane = MediaPlane(max(calls, 200), start=0.0)
    callers = _Callers(calls)
    lanes = [plane.open_lane(sock, model_format, 0.0) for sock in callers.ports]
    for lane, sock in zip(lanes, callers.sockets, strict=True):
        plane.configure_lane(lane, LaneMedia("PCMU", 0, *sock.getsockname()), 0.0)
    delta = bytes(int(_DELTA_SECONDS * (48_000 if model_format == "pcm" else 8_000)))
    per_delta = round(_DELTA_SECONDS / TICK_SECONDS)
    beats: list[float] = []
    busy = 0.0
    uplink = heard = 0
    ticks = round(seconds / TICK_SECONDS)
    for tick in range(ticks):
        callers.speak(tick)
        began = time.process_time()
        for lane in lanes[tick % per_delta :: per_delta]:
            plane.play(lane, "item", delta, tick * TICK_SECONDS)
        at = time.perf_counter()
        beat = plane.beat(tick * TICK_SECONDS)
        beats.append(time.perf_counter() - at)
        busy += time.process_time() - began
        uplink += len(beat.uplink)
        heard += callers.listen()
    if min(uplink, heard) < 0.97 * calls * seconds * 50:
        sys.exit(f"Lost audio: {uplink} frames up and {heard} packets down in {calls * seconds * 50:.0f}")
    for lane in lanes:
        plane.close_lane(lane)
    plane.close()
    callers.close()
    beats.sort()
    return busy / calls / seconds * 1e6, statistics.median(beats) * 1e6, beats[int(len(beats) * 0.99)] * 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="virtual seconds per line")
    options = parser.parse_args()
    out = sys.stdout.write
    out("calls  model  us/call-second  beat p50 us  beat p99 us\n")
    for calls in (1, 50, 200, 500):
        for model_format in ("pcmu", "pcm"):
            cost, median, tail = measure(calls, model_format, options.seconds)
            out(f"{calls:5}  {model_format:5}  {cost:14.0f}  {median:11.0f}  {tail:11.0f}\n")


if __name__ == "__main__":
    main()
