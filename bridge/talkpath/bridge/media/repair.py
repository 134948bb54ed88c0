"""Conceals what is lost of the caller's audio, in the codes of G.711.

While nothing is lost this only keeps the last 40 ms of each lane. Around a loss, and nowhere else, audio is
decoded, concealed and encoded again: what passes through is otherwise never touched.

Lanes of a wide-band codec only have their losses counted here; `wideband` conceals them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.bridge.media.lane import FRAME_BYTES
from talkpath.codecs.concealment import ConcealmentBank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]
    Codes = NDArray[np.uint8]

__all__ = ["LossRepair"]

_AUDIBLE_FRAMES: Final = 3  # 60 ms, after which concealment has faded to silence


class LossRepair:
    """Concealment of all lanes, each either of whose frames passes here in order, good or lost.

    Args:
        lanes: Number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._bank = ConcealmentBank(lanes)
        self._heard = np.full((lanes, 2, FRAME_BYTES), ULAW.silence, np.uint8)
        self._older = np.zeros(lanes, np.intp)  # which of the two is replaced next
        self._is_ulaw = np.ones(lanes, np.bool_)
        self._lost = np.zeros(lanes, np.int64)  # frames in a row
        self._wide = np.zeros(lanes, np.bool_)

    def reset(self, lane: int) -> None:
        """Forget what the lane has heard."""
        self._heard[lane] = ULAW.silence if self._is_ulaw[lane] else ALAW.silence
        self._lost[lane] = 0

    def recode(self, lane: int, table: Codes, silence: int) -> None:
        """Translate what is remembered to another law, at a change of codec."""
        self._heard[lane] = table[self._heard[lane]]
        self._is_ulaw[lane] = silence == ULAW.silence

    def change_codec(self, lane: int, silence: int, *, wide: bool) -> None:
        """Go over to a codec that what is remembered cannot be translated to: it is forgotten."""
        self._wide[lane] = wide
        self._is_ulaw[lane] = silence == ULAW.silence
        self.reset(lane)

    def remember(self, rows: Rows, frames: Codes) -> None:
        """Note good frames (k, 160) of lanes whose frame before was good too."""
        older = self._older[rows]
        self._heard[rows, older] = frames
        self._older[rows] = older ^ 1

    def good(self, rows: Rows, frames: Codes) -> Codes:
        """Take good frames (k, 160); the first after a loss is blended with what was made up."""
        after = self._lost[rows] > 0
        if after.any():
            self._lost[rows] = 0
            after &= ~self._wide[rows]
        if after.any():
            frames = frames.copy()
            blended = self._bank.good(rows[after], self._decode(rows[after], frames[after]))
            frames[after] = self._encode(rows[after], blended)
        self.remember(rows, frames)
        return frames

    def silent(self, rows: Rows) -> None:
        """The source is silent on purpose on these lanes: what follows is not blended with anything."""
        self._lost[rows] = 0
        silence = np.where(self._is_ulaw[rows], ULAW.silence, ALAW.silence).astype(np.uint8)
        self.remember(rows, np.repeat(silence[:, None], FRAME_BYTES, axis=1))

    def repairing(self, rows: Rows) -> NDArray[np.bool_]:
        """Which lanes are in the middle of a loss that can still be heard (k,)."""
        lost = self._lost[rows]
        return np.asarray((lost > 0) & (lost < _AUDIBLE_FRAMES), np.bool_)

    def lost(self, rows: Rows) -> Codes:
        """What stands in for the next frame of some lanes (k, 160); for wide-band ones, anything."""
        if (wide := self._wide[rows]).any():
            self._lost[rows[wide]] += 1
            frames = np.full((len(rows), FRAME_BYTES), ULAW.silence, np.uint8)
            if not wide.all():
                frames[~wide] = self.lost(rows[~wide])
            return frames
        self._recall(rows[self._lost[rows] == 0])
        self._lost[rows] += 1
        frames = self._encode(rows, self._bank.lost(rows))
        self.remember(rows, frames)
        return frames

    def mend(self, rows: Rows, frames: Codes, there: NDArray[np.bool_]) -> Codes:
        """Fill what is missing of the next frame of some lanes, none of them wide-band.

        Args:
            rows: The lanes (k,), each at most once.
            frames: Codes (k, 160); what is missing may hold anything.
            there: Which of them have come (k, 160), some of each frame.

        Returns:
            Codes (k, 160).
        """
        self._recall(rows[self._lost[rows] == 0])
        came = self._decode(rows, frames)
        mended = self._bank.mend(rows, came, there)
        frames = np.where(there & (mended == came), frames, self._encode(rows, mended))
        self._lost[rows] = np.where(there[:, -1], 0, np.where(there[:, 0], 1, self._lost[rows] + 1))
        self.remember(rows, frames)
        return frames

    def _recall(self, rows: Rows) -> None:
        """Tell the bank what lanes have heard whose loss begins."""
        if rows.size:
            self._bank.reset(rows)
            older = self._older[rows]
            for which in (older, older ^ 1):
                self._bank.good(rows, self._decode(rows, self._heard[rows, which]))

    def _decode(self, rows: Rows, codes: Codes) -> NDArray[np.int16]:
        is_ulaw = self._is_ulaw[rows][:, None]
        return np.where(is_ulaw, ULAW.decode(codes), ALAW.decode(codes))

    def _encode(self, rows: Rows, samples: NDArray[np.int16]) -> Codes:
        is_ulaw = self._is_ulaw[rows][:, None]
        return np.where(is_ulaw, ULAW.encode(samples), ALAW.encode(samples))
