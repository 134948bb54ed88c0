"""The yardstick: the same media job the way it is usually written, one asyncio callback per packet.

A `DatagramProtocol` for each call, ``websockets`` with `send` and `async for`, ``json`` for every message,
numpy per packet, a task per call that paces what the caller hears. No jitter buffer, no concealment, no
barge-in, no SIP: it is told how many calls there are and says on which ports it listens. That it does less
makes the comparison kind to it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import socket
import struct
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import uvloop
from scipy.signal import firwin
from websockets.asyncio.client import connect

from talkpath.codecs.g711 import linear_to_ulaw, ulaw_to_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER: Final = struct.Struct("!BBHII")
_TAPS: Final = firwin(97, 3600, fs=24_000) * 3
_SILENCE: Final = b"\xff" * 160


class Converter:
    """Streaming conversion of one call by 3: zeros in between and a filter, or the filter and a choice."""

    def __init__(self, *, up: bool) -> None:
        self._up = up
        self._past = np.zeros(len(_TAPS) - 1)

    def __call__(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Convert the next samples."""
        wide = samples.astype(np.float64)
        if self._up:
            wide = np.zeros(len(samples) * 3)
            wide[::3] = samples
        joined = np.concatenate((self._past, wide))
        self._past = joined[len(joined) - len(_TAPS) + 1 :]
        filtered = np.convolve(joined, _TAPS, "valid")
        if not self._up:
            filtered = filtered[::3] / 3
        return np.clip(filtered, -32768, 32767).astype(np.int16)


class Call(asyncio.DatagramProtocol):
    """One call: packets come in here, deltas go out by `speak`."""

    def __init__(self, url: str, mode: str) -> None:
        self._url = url
        self._wide = mode == "pcm"
        self._format = {"type": "audio/pcm", "rate": 24_000} if self._wide else {"type": "audio/pcmu"}
        self._up, self._down = Converter(up=True), Converter(up=False)
        self._packets: asyncio.Queue[bytes] = asyncio.Queue(500)
        self._playout: deque[bytes] = deque()
        self._peer: tuple[str, int] | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Queue the audio of a packet."""
        self._peer = addr
        if len(data) > _HEADER.size and not self._packets.full():
            self._packets.put_nowait(data[_HEADER.size :])

    async def serve(self) -> None:
        """Carry the audio until cancelled."""
        async with connect(f"{self._url}?model=bench", compression=None) as websocket:
            audio = {"input": {"format": self._format}, "output": {"format": self._format}}
            session = {"type": "realtime", "audio": audio}
            await websocket.send(json.dumps({"type": "session.update", "session": session}))
            await asyncio.gather(self._listen(websocket), self._hear(websocket), self._speak())

    async def _listen(self, websocket: Any) -> None:
        """From the caller to the model."""
        while True:
            payload = await self._packets.get()
            if self._wide:
                payload = self._up(ulaw_to_linear(np.frombuffer(payload, np.uint8))).tobytes()
            event = {"type": "input_audio_buffer.append", "audio": base64.b64encode(payload).decode()}
            await websocket.send(json.dumps(event, separators=(",", ":")))

    async def _hear(self, websocket: Any) -> None:
        """From the model to the playout queue."""
        async for message in websocket:
            event = json.loads(message)
            if event["type"] == "response.output_audio.delta":
                audio = base64.b64decode(event["delta"])
                if self._wide:
                    audio = linear_to_ulaw(self._down(np.frombuffer(audio, np.int16))).tobytes()
                self._playout.extend(audio[at : at + 160] for at in range(0, len(audio), 160))

    async def _speak(self) -> None:
        """A packet to the caller every 20 ms, at absolute deadlines."""
        loop = asyncio.get_running_loop()
        begin, number = loop.time(), 0
        while True:
            number += 1
            await asyncio.sleep(begin + number * 0.02 - loop.time())
            if self._peer is not None:
                payload = self._playout.popleft() if self._playout else _SILENCE
                header = _HEADER.pack(0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 7)
                self._transport.sendto(header + payload, self._peer)


async def serve(url: str, mode: str, calls: int) -> None:
    """Serve some calls; prints their ports as soon as they can be used."""
    loop = asyncio.get_running_loop()
    tasks, ports = [], []
    for _ in range(calls):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        ports.append(sock.getsockname()[1])
        _, call = await loop.create_datagram_endpoint(lambda: Call(url, mode), sock=sock)
        tasks.append(asyncio.create_task(call.serve()))
        await asyncio.sleep(0.01)
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.gather(*tasks)


def main() -> None:
    """Run the yardstick."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--mode", choices=("pcmu", "pcm"), required=True)
    parser.add_argument("--calls", type=int, required=True)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.url, options.mode, options.calls))


if __name__ == "__main__":
    main()
