"""From the caller's frames to what the model reads: pass through, change the law, or PCM16 at 24 kHz.

All lanes of a round at once; the lanes of one model format and one law are one array operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, LAWS, ULAW
from talkpath.codecs.resample import ResamplerBank

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import ModelFormat, PhoneCodec, UplinkMode

__all__ = ["UplinkEncoder"]

_PASS, _OTHER_LAW, _PCM_ULAW, _PCM_ALAW = range(4)
_MODES: Final[dict[UplinkMode, int]] = {"caller": 0, "silence": 1, "nothing": 2, "joined": 3}
_LAW_OF_MODEL: Final[dict[ModelFormat, PhoneCodec]] = {"pcmu": "PCMU", "pcma": "PCMA"}


class UplinkEncoder:
    """Encodes frames of many lanes for their models.

    Args:
        lanes: Number of lanes.

    Attributes:
        joined: Takes the frames (k, 160) of lanes (k,) that are joined to others, in each lane's law.
    """

    def __init__(self, lanes: int) -> None:
        self.joined: Callable[[NDArray[np.intp], NDArray[np.uint8]], None] | None = None
        self._conversion = np.zeros(lanes, np.int8)
        self._mode = np.zeros(lanes, np.int8)
        self._silence = np.full(lanes, ULAW.silence, np.uint8)
        self._uniform = True  # every lane passes through and listens to its caller
        self._resampler = ResamplerBank(lanes, 3, 1)

    def configure(self, lane: int, model_format: ModelFormat, codec: PhoneCodec) -> None:
        """Set the lane's format and law; the mode and the resampler's state stay."""
        if model_format == "pcm":
            self._conversion[lane] = _PCM_ULAW if codec == "PCMU" else _PCM_ALAW
        else:
            self._conversion[lane] = _PASS if _LAW_OF_MODEL[model_format] == codec else _OTHER_LAW
        self._silence[lane] = LAWS[codec].silence
        self._check_uniform()

    def set_mode(self, lane: int, mode: UplinkMode) -> None:
        """Choose what the model hears: the caller, silence in stream time, or nothing at all.

        A lane that is ``joined`` gives its frames to `joined`, and nothing to a model.
        """
        self._mode[lane] = _MODES[mode]
        self._check_uniform()

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self._mode[lane] = self._conversion[lane] = 0
        self._resampler.reset(np.array([lane], np.intp))
        self._check_uniform()

    def encode(
        self, rows: NDArray[np.intp], frames: NDArray[np.uint8], into: list[tuple[int, bytes]]
    ) -> None:
        """Encode one frame of each of some lanes and append `(lane, bytes)` to `into`.

        Args:
            rows: The lanes (k,), each at most once.
            frames: G.711 codes in each lane's law (k, 160).
            into: The uplink of the beat.
        """
        if self._uniform:
            _append(rows, frames, into)
            return
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
