"""A browser that is not one: a peer connection of aiortc on a thread of its own, which speaks and listens.

with WebRtcPeer(parts=((0, 1.0), (1010, 0.6), (0, 20))) as peer:
    call = peer.call(daemon, token="…", agent="reception")
"""

from __future__ import annotations

import asyncio
import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import numpy as np
from aioice import ice
from aiortc import (
    MediaStreamError,
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from av import AudioFrame

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

RATE: Final = 48_000
_FRAME: Final = 960
PATIENCE_S: Final = 20.0


class _Speech(MediaStreamTrack):
    """Says samples in real time, and silence after them."""

    kind = "audio"

    def __init__(self, samples: NDArray[np.int16]) -> None:
        super().__init__()
        self._samples = samples
        self._frames = 0
        self._began = 0.0

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms when their time has come."""
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(self._began + self._frames * 0.02 - loop.time())
        part = self._samples[self._frames * _FRAME : (self._frames + 1) * _FRAME]
        part = np.pad(part, (0, _FRAME - part.size))
        frame = AudioFrame.from_ndarray(part[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._frames * _FRAME
        self._frames += 1
        return frame


def bursts(parts: Sequence[tuple[float, float]]) -> NDArray[np.int16]:
    """Samples of parts ``(hertz, seconds)``; 0 Hz is silence."""
    pieces = [8000 * np.sin(2 * np.pi * hz * np.arange(round(RATE * s)) / RATE) for hz, s in parts]
    return np.concatenate(pieces).astype(np.int16)


class WebRtcPeer:
    """One call of one browser.

    Args:
        parts: What it says from the moment it is connected, as `bursts` has it.
    """

    def __init__(self, *, parts: Sequence[tuple[float, float]] = ()) -> None:
        self._speech = bursts(parts) if parts else np.zeros(0, np.int16)
        self._heard: list[NDArray[np.int16]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="webrtc-peer")
        self._connection: RTCPeerConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def offer(self) -> str:
        """Write an offer."""
        return str(self._do(self._offer()))

    def call(self, url: str, *, token: str, agent: str = "reception") -> str:
        """Call an agent of the daemon at ``url``; returns the id of the call."""
        answer = httpx.post(
            f"{url}/phone/offer",
            json={"sdp": self.offer(), "agent": agent},
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE_S,
        )
        assert answer.status_code == 200, answer.text
        self._do(self._take(answer.json()["sdp"]))
        return str(answer.json()["call"])

    def close(self) -> None:
        """Close the connection, as a browser does whose page is left."""
        self._do(self._end())

    @property
    def state(self) -> str:
        """The state of the connection."""
        return self._connection.connectionState if self._connection else "new"

    def heard(self) -> NDArray[np.int16]:
        """What has come so far, mono at 48 kHz."""
        return np.concatenate([*self._heard, np.zeros(0, np.int16)])

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _offer(self) -> str:
        ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"] * use_ipv4  # noqa: ARG005
        connection = self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTrack(_Speech(self._speech))
        connection.on("track", self._listen_to)
        await connection.setLocalDescription(await connection.createOffer())
        return str(connection.localDescription.sdp)

    async def _take(self, sdp: str) -> None:
        assert self._connection is not None
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    def _listen_to(self, track: MediaStreamTrack) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(self._listen(track)))

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self._heard.append(frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.int16))
        except MediaStreamError:
            pass

    async def _end(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
