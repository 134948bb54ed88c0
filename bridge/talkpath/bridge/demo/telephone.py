"""The caller's mouth and ears as a port of pjmedia: an RTP stack of its own, which is not ours.

pjmedia's clock thread asks for a frame and brings one, 50 times a second. The two frames of one tick make
one step of the recording, so that both directions are on one clock.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pjsua2

from talkpath.bridge.demo import events
from talkpath.bridge.demo.ears import Ears
from talkpath.bridge.demo.voice import TELEPHONE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.codecs.types import Samples

pj: Any = pjsua2

FRAME: Final = 160
"""Samples of a tick, 20 ms."""
FRAME_SECONDS: Final = FRAME / TELEPHONE_RATE
_LINE_NOISE: Final = 10.0
"""Standard deviation of the faint noise of a real line, in int16 steps (-70 dBov)."""

_log = logging.getLogger(__name__)


class Handset(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 ships no types
    """Speaks what it is given, hears what comes, records both.

    Everything but `say` is done by pjmedia's thread; the flags that others read are single values.

    Args:
        report: called from that thread when the agent begins or ends to speak.
        hears: who the reports say that speaks.

    Attributes:
        agent: what is heard of the agent.
        level: of what was sent last, in dBov.
        wall: Unix time of the first tick, 0.0 before it.
    """

    def __init__(self, report: Callable[[events.Report], None], hears: events.Who = "agent") -> None:
        super().__init__()
        self._hears = hears
        self.agent = Ears(FRAME_SECONDS)
        self.own = Ears(FRAME_SECONDS)
        self.wall = 0.0
        self._report = report
        self._said: list[bytes] = []
        self._heard: list[bytes] = []
        self._noise = np.random.default_rng(0)
        self._clip: Samples | None = None
        self._clip_at = 0
        self._lock = threading.Lock()

    @property
    def now(self) -> float:
        """Length of the recording in seconds."""
        return len(self._heard) * FRAME_SECONDS

    @property
    def talking(self) -> bool:
        """Whether the caller still speaks."""
        return self._clip is not None

    def say(self, clip: Samples) -> None:
        """Speak a clip, int16 at 8 kHz, from the next tick on."""
        with self._lock:
            self._clip, self._clip_at = clip, 0

    def recording(self) -> tuple[Samples, Samples]:
        """Return what was said and what was heard."""
        both = min(len(self._said), len(self._heard))
        said, heard = (b"".join(frames[:both]) for frames in (self._said, self._heard))
        return np.frombuffer(said, dtype=np.int16), np.frombuffer(heard, dtype=np.int16)

    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802  the stack's name
        """The clock wants what we say."""
        try:
            samples = self._next_frame()
            self.own.feed(samples)
            self._said.append(samples.tobytes())
            frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
            frame.buf = pj.ByteVector(self._said[-1])
        except Exception:  # noqa: BLE001  a task root: nothing above us but C++
            _log.exception("the caller could not speak")

    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802  the stack's name
        """The clock brings what we hear; nothing at all is silence."""
        try:
            if len(self._heard) >= len(self._said):
                return  # before the first request, or a tick without one: there is nothing beside it
            self.wall = self.wall or time.time()
            data = bytes(frame.buf)[: 2 * FRAME]
            data += bytes(2 * FRAME - len(data))
            self._heard.append(data)
            if self.agent.feed(np.frombuffer(data, dtype=np.int16)):
                self._report(_change(self.agent, self._hears))
        except Exception:  # noqa: BLE001  a task root: nothing above us but C++
            _log.exception("the caller could not hear")

    def _next_frame(self) -> Samples:
        frame = self._noise.normal(0.0, _LINE_NOISE, FRAME)
        with self._lock:
            if self._clip is not None:
                piece = self._clip[self._clip_at : self._clip_at + FRAME]
                frame[: len(piece)] += piece
                self._clip_at += FRAME
                if self._clip_at >= len(self._clip):
                    self._clip = None
        return np.clip(frame, -32768, 32767).astype(np.int16)


class Telephone:
    """A stack with one account and no sound device.

    Args:
        port: UDP port of its SIP; 0: any.

    Raises:
        pjsua2.Error: it does not start.
    """

    def __init__(self, port: int = 0) -> None:
        self.endpoint: Any = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(_configuration())
        local = pj.TransportConfig()
        local.boundAddress, local.port = "127.0.0.1", port
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, local)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        self.account: Any = pj.Account()
        self.account.create(_identity())

    def name(self) -> str:
        """Name and version of the stack."""
        return f"pjsua2 {self.endpoint.libVersion().full}"

    def turn(self, milliseconds: int) -> None:
        """Let the stack work on SIP."""
        self.endpoint.libHandleEvents(milliseconds)

    def close(self) -> None:
        """Take the stack down; calls and ports must be gone."""
        self.account.shutdown()
        del self.account
        self.endpoint.libDestroy()


def _change(heard: Ears, who: events.Who) -> events.Report:
    """What to report when somebody began or ended."""
    if heard.speaking:
        return events.Began(heard.began or 0.0, who)
    return events.Ended(heard.ended, who)


def audio_format() -> Any:
    """The format of the handset's port: 8 kHz, mono, 20 ms, 16 bit."""
    wanted = pj.MediaFormatAudio()
    wanted.type = pj.PJMEDIA_TYPE_AUDIO
    wanted.clockRate = TELEPHONE_RATE
    wanted.channelCount = 1
    wanted.bitsPerSample = 16
    wanted.frameTimeUsec = round(FRAME_SECONDS * 1e6)
    return wanted


def _configuration() -> Any:
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.userAgent = "talkpath-demo-caller"
    config.medConfig.clockRate = config.medConfig.sndClockRate = TELEPHONE_RATE
    config.medConfig.audioFramePtime = round(FRAME_SECONDS * 1000)
    config.medConfig.ecTailLen = 0
    config.medConfig.noVad = True
    return config


def _identity() -> Any:
    account = pj.AccountConfig()
    account.idUri = "sip:caller@127.0.0.1"
    account.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    return account
