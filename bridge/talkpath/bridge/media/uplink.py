"""From the caller's frames to what the model reads: pass through, change the law, or PCM16 at 24 kHz.

Wide-band lanes are decoded first, every frame once and in order, also while the model does not listen: their
decoders remember.

All lanes of a round at once; the lanes of one model format and one law are one array operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, LAWS, ULAW
from talkpath.bridge.media.wideband import WidebandDecoder
from talkpath.codecs.resample import ResamplerBank

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.media.join import JoinFrames
    from talkpath.bridge.media.lane import ModelFormat, PhoneCodec, UplinkMode

__all__ = ["UplinkEncoder"]

_PASS, _OTHER_LAW, _PCM_ULAW, _PCM_ALAW, _WIDE_PCM, _WIDE_ULAW, _WIDE_ALAW = range(7)
_OF_WIDE: Final[dict[ModelFormat, int]] = {"pcm": _WIDE_PCM, "pcmu": _WIDE_ULAW, "pcma": _WIDE_ALAW}
_MODES: Final[dict[UplinkMode, int]] = {"caller": 0, "silence": 1, "nothing": 2, "joined": 3}
_LAW_OF_MODEL: Final[dict[ModelFormat, PhoneCodec]] = {"pcmu": "PCMU", "pcma": "PCMA"}


class UplinkEncoder:
    """Encodes frames of many lanes for their models.

    Args:
        lanes: Number of lanes.

    Attributes:
        joined: Takes the frames of lanes (k,) that are joined to others: codes (k, 160) in each lane's law,
            or samples at 16 kHz (k, 320) of wide-band lanes.
        decoded: Is shown the samples of wide-band lanes, whatever becomes of them.
    """

    def __init__(self, lanes: int) -> None:
        self.joined: Callable[[NDArray[np.intp], JoinFrames], None] | None = None
        self.decoded: Callable[[NDArray[np.intp], NDArray[np.int16]], None] | None = None
        self._conversion = np.zeros(lanes, np.int8)
        self._mode = np.zeros(lanes, np.int8)
        self._silence = np.full(lanes, ULAW.silence, np.uint8)
        self._uniform = True  # every lane passes through and listens to its caller
        self._resampler = ResamplerBank(lanes, 3, 1)
        self._wideband = WidebandDecoder(lanes)
        self._any_wide = False
        self._wide_to_pcm = ResamplerBank(lanes, 3, 2)
        self._wide_to_narrow = ResamplerBank(lanes, 1, 2)

    def configure(self, lane: int, model_format: ModelFormat, codec: PhoneCodec) -> None:
        """Set the lane's format and codec; the mode stays, and with the same codec all that is remembered."""
        if self._wideband.configure(lane, codec):
            self._forget(lane)
        if codec not in LAWS:
            self._conversion[lane] = _OF_WIDE[model_format]
        elif model_format == "pcm":
            self._conversion[lane] = _PCM_ULAW if codec == "PCMU" else _PCM_ALAW
        else:
            self._conversion[lane] = _PASS if _LAW_OF_MODEL[model_format] == codec else _OTHER_LAW
        if codec in LAWS:
            self._silence[lane] = LAWS[codec].silence
        self._check_uniform()

    def hold(self, lane: int, payload: bytes, timestamp: int) -> tuple[int, int]:
        """Keep a packet of a lane whose octets are no sound, see `packet_stream.PacketStream.hold`."""
        return self._wideband.hold(lane, payload, timestamp)

    def set_mode(self, lane: int, mode: UplinkMode) -> None:
        """Choose what the model hears: the caller, silence in stream time, or nothing at all.

        A lane that is ``joined`` gives its frames to `joined`, and nothing to a model.
        """
        if self._mode[lane] >= _MODES["nothing"]:
            self._forget(lane)  # of what came meanwhile the model has heard nothing
        self._mode[lane] = _MODES[mode]
        self._check_uniform()

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self._mode[lane] = self._conversion[lane] = 0
        self._wideband.configure(lane, None)
        self._forget(lane)
        self._check_uniform()

    def _forget(self, lane: int) -> None:
        """What the model hears next follows silence."""
        for resampler in (self._resampler, self._wide_to_pcm, self._wide_to_narrow):
            resampler.reset(np.array([lane], np.intp))

    def encode(
        self,
        rows: NDArray[np.intp],
        frames: NDArray[np.uint8],
        into: list[tuple[int, bytes]],
        holes: NDArray[np.uint8] | None = None,
    ) -> None:
        """Encode one frame of each of some lanes and append `(lane, bytes)` to `into`.

        Args:
            rows: The lanes (k,), each at most once.
            frames: Octets of each lane's codec (k, 160).
            into: The uplink of the beat.
            holes: What wide-band lanes miss of them (k, 160), see `packets.FrameRound`.
        """
        if self._uniform:
            _append(rows, frames, into)
            return
        if self._any_wide and (wide := self._wideband.wide[rows]).any():
            self._encode_wide(rows[wide], frames[wide], into, None if holes is None else holes[wide])
            if wide.all():
                return
            rows, frames = rows[~wide], frames[~wide]
        mode = self._mode[rows]
        if mode.any():
            frames = np.where((mode == _MODES["silence"])[:, None], self._silence[rows][:, None], frames)
            joined = mode == _MODES["joined"]
            if self.joined is not None and joined.any():
                self.joined(rows[joined], frames[joined])
            heard = mode < _MODES["nothing"]
            rows, frames = rows[heard], frames[heard]
        conversion = self._conversion[rows]
        for which in range(4):
            chosen = conversion == which
            if chosen.all():
                self._convert(which, rows, frames, into)
                return
            if chosen.any():
                self._convert(which, rows[chosen], frames[chosen], into)

    def _encode_wide(
        self,
        rows: NDArray[np.intp],
        frames: NDArray[np.uint8],
        into: list[tuple[int, bytes]],
        holes: NDArray[np.uint8] | None,
    ) -> None:
        samples = self._wideband.decode(rows, frames, holes)
        if self.decoded is not None:
            self.decoded(rows, samples)
        mode = self._mode[rows]
        if mode.any():
            samples = np.where((mode == _MODES["silence"])[:, None], np.int16(0), samples)
            joined = mode == _MODES["joined"]
            if self.joined is not None and joined.any():
                self.joined(rows[joined], samples[joined])
            heard = mode < _MODES["nothing"]
            rows, samples = rows[heard], samples[heard]
        conversion = self._conversion[rows]
        if (pcm := conversion == _WIDE_PCM).any():
            _append(rows[pcm], self._wide_to_pcm.process(rows[pcm], samples[pcm]), into)
        for which, law in ((_WIDE_ULAW, ULAW), (_WIDE_ALAW, ALAW)):
            if (chosen := conversion == which).any():
                narrow = self._wide_to_narrow.process(rows[chosen], samples[chosen])
                _append(rows[chosen], law.encode(narrow), into)

    def _convert(
        self,
        which: int,
        rows: NDArray[np.intp],
        frames: NDArray[np.uint8],
        into: list[tuple[int, bytes]],
    ) -> None:
        if not rows.size:
            return
        if which == _PASS:
            _append(rows, frames, into)
        elif which == _OTHER_LAW:
            of_ulaw = (self._silence[rows] == ULAW.silence)[:, None]
            _append(rows, np.where(of_ulaw, ULAW.to_other[frames], ALAW.to_other[frames]), into)
        else:
            law = ULAW if which == _PCM_ULAW else ALAW
            _append(rows, self._resampler.process(rows, law.decode(frames)), into)

    def _check_uniform(self) -> None:
        self._uniform = not (self._conversion.any() or self._mode.any())
        self._any_wide = bool(self._wideband.wide.any())


def _append(
    rows: NDArray[np.intp], frames: NDArray[np.uint8] | NDArray[np.int16], into: list[tuple[int, bytes]]
) -> None:
    """Cut one block into a bytes object per lane: cheaper than `tobytes` of each row."""
    block = frames.tobytes()  # little endian on every machine we run on
    size = len(block) // len(rows)
    into.extend(
        (lane, block[start : start + size])
        for lane, start in zip(rows.tolist(), range(0, len(block), size), strict=True)
    )
