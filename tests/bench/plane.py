"""What the media plane costs per call, over loopback sockets.

Run with `python tests/bench/plane.py`. One process plays both sides: the callers' packets are sent and
drained outside the measured time, so the figures are the CPU of `MediaPlane.beat` and `MediaPlane.play`
alone, system calls included. The clock is virtual and beats run back to back. With `--srtp` every lane is
encrypted; the phones' own cryptography is outside the measured time too. With `--sound` it shows what the
keys of `[agents.NAME.sound]` cost: `limiter` on agents that speak, `noise` and `tools` (a sound on every
lane) while all of them are silent, which `silent` is the measure of.
"""

from __future__ import annotations

import argparse
import base64
import os
import select
import socket
import statistics
import sys
import time

# BLAS on one thread, as in the worker; must be set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from talkpath.bridge.call.sounds import tool_sound
from talkpath.bridge.media.lane import PHASES, PLAIN_SOUND, TICK_SECONDS, LaneMedia, LaneSound, ModelFormat
from talkpath.bridge.media.plane import MediaPlane
from talkpath.bridge.media.srtp import Srtp
from talkpath.codecs import rtp
from talkpath.sip.messages import Secret

_DELTA_SECONDS = 0.1
_NO_KEY = Secret("")
_SOUNDS = {"limiter": LaneSound(limits=True), "noise": LaneSound(noise=-66.0)}
_SPEAKING = frozenset({"plain", "limiter"})


class _Callers:
    """The phones: one socket per call, packets spread over the phases."""

    def __init__(self, count: int, key: Secret) -> None:
        self._srtp = [_sealer(key) for _ in range(count)] if key.value else []
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
            packet: bytes | memoryview = packets[index].data
            if self._srtp:
                packet = self._srtp[index].protect(packet)
            self.sockets[index].sendto(packet, self._targets[index])

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


def _sealer(key: Secret) -> Srtp:
    srtp = Srtp(lambda _cause: None)
    srtp.configure(key, key)
    return srtp


def _key(suite: str) -> Secret:
    """A key for both directions; its value makes no difference to the cost."""
    return Secret(f"{suite} inline:{base64.b64encode(bytes(28 if 'GCM' in suite else 30)).decode()}")


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def measure(
    calls: int, model_format: ModelFormat, seconds: float, key: Secret = _NO_KEY, sound: str = "plain"
) -> tuple[float, float, float]:
    """Return µs of CPU per call-second, the median beat in µs, and the 99th percentile."""
    plane = MediaPlane(max(calls, 200), start=0.0)
    callers = _Callers(calls, key)
    lanes = [plane.open_lane(sock, model_format, 0.0) for sock in callers.ports]
    for lane, sock in zip(lanes, callers.sockets, strict=True):
        address, port = sock.getsockname()
        media = LaneMedia("PCMU", 0, address, port, local_crypto=key, remote_crypto=key)
        plane.configure_lane(lane, media, 0.0)
        plane.shape(lane, _SOUNDS.get(sound, PLAIN_SOUND))
        if sound == "tools" and (ticks := tool_sound("ticks")) is not None:
            plane.wait_with(lane, ticks, 0.0)
    speaking = lanes if sound in _SPEAKING else []
    delta = bytes(int(_DELTA_SECONDS * (48_000 if model_format == "pcm" else 8_000)))
    per_delta = round(_DELTA_SECONDS / TICK_SECONDS)
    beats: list[float] = []
    busy = 0.0
    uplink = heard = 0
    for tick in range(round(seconds / TICK_SECONDS)):
        callers.speak(tick)
        began = time.process_time()
        for lane in speaking[tick % per_delta :: per_delta]:
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
    parser.add_argument("--srtp", default="", help="encrypt with this suite, such as AEAD_AES_128_GCM")
    parser.add_argument("--sound", default="plain", choices=["plain", "limiter", "silent", "noise", "tools"])
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 50, 200, 500])
    options = parser.parse_args()
    key = _key(options.srtp) if options.srtp else _NO_KEY
    out = sys.stdout.write
    out("calls  model  us/call-second  beat p50 us  beat p99 us\n")
    for calls in options.calls:
        for model_format in ("pcmu", "pcm"):
            cost, median, tail = measure(calls, model_format, options.seconds, key, options.sound)
            out(f"{calls:5}  {model_format:5}  {cost:14.0f}  {median:11.0f}  {tail:11.0f}\n")


if __name__ == "__main__":
    main()
