"""Packet-loss concealment for many calls at once: lost frames are extrapolated from what was heard.

In the class of ITU-T G.711 Appendix I, and attenuated as there: the last pitch cycles are repeated, from
10 ms on ever softer, and after 60 ms there is silence. Three things differ.

No delay. Appendix I holds all audio back by 3.75 ms, to prepare its end in case that the next frame is
lost. Here the extrapolation begins with what the short-term predictor makes of the last samples (its
"ringing", after J.-H. Chen, Packet loss concealment based on extrapolation of speech waveform, ICASSP
2009) and fades into the pitch cycles: as smooth, at once.

One length of repetition. As many whole pitch cycles as fill 10 ms are repeated, where Appendix I begins
with one cycle and appends older ones as the loss goes on. A short fade into the first good frame, 3 ms
rather than up to 10, because what is real is better than what is made up. `tests/bench/codecs.py` compares.

One frame is 20 ms. Packets of 10 or 30 ms leave holes in frames: `mend` extrapolates from where a hole begins
and fades into what follows it. Nothing is computed while nothing is lost; each lane only remembers its last
40 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Rows, Samples

    Wave = NDArray[np.float32]

_UNIT_RATE: Final = 8000  # Hz, at which the following numbers of samples hold; others are multiples
_FRAME: Final = 160  # 20 ms
_SHORTEST_PERIOD: Final = 40  # 5 ms, 200 Hz; a higher voice is repeated by two or more of its cycles
_LONGEST_PERIOD: Final = 120  # 15 ms, 66 Hz
_SHORTEST_UNIT: Final = 80  # 10 ms: less sounds like a buzzer
_FULL: Final = 80  # 10 ms at full strength
_SILENT: Final = 480  # 60 ms until silence
_FADE_BACK: Final = 24  # 3 ms from extrapolation to the first good frame
_SEARCH: Final = 288  # at least _FRAME + _LONGEST_PERIOD, and quick to transform
_HEARD_FRAMES: Final = 2  # enough for the search, and for a unit and what precedes it

_ORDER: Final = 16  # of the short-term predictor
_WHITENING: Final = 1.001  # 30 dB of noise below the signal keep the predictor stable
_QUIETEST_POWER: Final = 16.0  # per sample; below it there is no pitch to find


class ConcealmentBank:
    """Fills what is lost of many independent streams, one stream per lane.

    Each frame of a stream is passed to `good`, to `mend` if a part of it is missing, or, as a hole, to
    `lost`, in order.

    Args:
        lanes: number of streams.
        rate: samples per second, a multiple of 8,000.

    Raises:
        ValueError: there is no lane, or the rate is not a multiple of 8,000.
    """

    def __init__(self, lanes: int, rate: int = _UNIT_RATE) -> None:
        if lanes < 1 or rate < _UNIT_RATE or rate % _UNIT_RATE:
            raise ValueError(
                f"No concealment for {lanes} lanes at {rate} Hz: "
                f"there must be a lane, and the rate must be a multiple of {_UNIT_RATE}."
            )
        self._scale = rate // _UNIT_RATE
        self._frame = _FRAME * self._scale
        self._silent = _SILENT * self._scale
        self._heard = np.zeros((lanes, _HEARD_FRAMES, self._frame), np.int16)
        self._oldest = np.zeros(lanes, np.intp)  # which of the frames in _heard is to be replaced
        self._elapsed = np.zeros(lanes, np.intp)  # samples filled since the last good frame, at most _silent
        self._unit = np.zeros((lanes, self._frame), np.float32)  # what is repeated
        self._length = np.ones(lanes, np.intp)  # of it, in samples

    @property
    def frame(self) -> int:
        """Samples in a frame."""
        return self._frame

    def reset(self, rows: Rows) -> None:
        """Forget what the lanes `rows` (k,) have heard: the next frame follows silence."""
        self._heard[rows] = 0
        self._elapsed[rows] = 0

    def good(self, rows: Rows, frames: Samples) -> Samples:
        """Take the frames that have come, and blend those that come first after a loss.

        Args:
            rows: the lanes (k,), each at most once.
            frames: int16 (k, frame); not changed.

        Returns:
            int16 (k, frame): `frames` itself if none of the lanes had a loss.

        Raises:
            ValueError: the frames have another length.
        """
        if frames.shape[1] != self._frame:
            raise ValueError(f"A frame of {frames.shape[1]} samples, where one of {self._frame} is expected.")
        elapsed = self._elapsed[rows]
        if elapsed.any():
            frames = frames.copy()
            after = np.flatnonzero(elapsed)
            frames[after] = self._fade_back(rows[after], elapsed[after], frames[after])
            self._elapsed[rows] = 0
        self._remember(rows, frames)
        return frames

    def lost(self, rows: Rows) -> Samples:
        """Return what stands in for the next frame of some lanes.

        Args:
            rows: the lanes (k,), each at most once.

        Returns:
            int16 (k, frame).
        """
        elapsed = self._elapsed[rows]
        frames = np.zeros((len(rows), self._frame), np.int16)
        first = np.flatnonzero(elapsed == 0)
        if first.size:
            frames[first] = _to_samples(self._begin(rows[first], self._past(rows[first])))
        later = np.flatnonzero((elapsed > 0) & (elapsed < self._silent))
        if later.size:
            frames[later] = _to_samples(self._repeat(rows[later], elapsed[later], self._frame))
        self._elapsed[rows] = np.minimum(elapsed + self._frame, self._silent)
        self._remember(rows, frames)
        return frames

    def mend(self, rows: Rows, frames: Samples, there: NDArray[np.bool_]) -> Samples:
        """Take frames that have come in part, and fill what is missing of them.

        Args:
            rows: the lanes (k,), each at most once.
            frames: int16 (k, frame); not changed. What is missing may hold anything.
            there: which samples have come (k, frame).

        Returns:
            int16 (k, frame). Changed are what is missing, and 3 ms of what comes after a loss.
        """
        head = np.where(there.all(axis=1), self._frame, there.argmin(axis=1))
        frames = frames.copy()
        after = np.flatnonzero((self._elapsed[rows] > 0) & (head > 0))
        if after.size:
            frames[after] = self._fade_back(rows[after], self._elapsed[rows[after]], frames[after])
        made_up = self._made_up(rows, frames, head)
        weight = _presence(there, head, _FADE_BACK * self._scale)
        mended = _to_samples(made_up + weight * (frames - made_up))
        elapsed = np.where(head > 0, 0, self._elapsed[rows]) + self._frame - head
        self._elapsed[rows] = np.where(there[:, -1], 0, np.minimum(elapsed, self._silent))
        self._remember(rows, mended)
        return mended

    def _made_up(self, rows: Rows, frames: Samples, head: NDArray[np.intp]) -> Wave:
        """Extrapolate frames from where their holes begin, behind `head` samples (k,) that are there."""
        wave = np.empty(frames.shape, np.float32)
        goes_on = np.flatnonzero((head == 0) & (self._elapsed[rows] > 0))
        if goes_on.size:
            wave[goes_on] = self._repeat(rows[goes_on], self._elapsed[rows[goes_on]], self._frame)
        begins = np.flatnonzero((head > 0) | (self._elapsed[rows] == 0))
        if begins.size:
            known = np.concatenate((self._past(rows[begins]), frames[begins].astype(np.float32)), axis=1)
            place = head[begins, None] + np.arange(_HEARD_FRAMES * self._frame)
            made_up = self._begin(rows[begins], np.take_along_axis(known, place, axis=1))
            place = (np.arange(self._frame) - head[begins, None]).clip(0)
            wave[begins] = np.take_along_axis(made_up, place, axis=1)
        return wave

    def _remember(self, rows: Rows, frames: Samples) -> None:
        """Keep frames as the newest of their lanes, those that were made up included."""
        oldest = self._oldest[rows]
        self._heard[rows, oldest] = frames
        self._oldest[rows] = oldest ^ 1

    def _past(self, rows: Rows) -> Wave:
        """What the lanes have heard last, float32 (k, 40 ms)."""
        oldest = self._oldest[rows]
        heard = np.concatenate((self._heard[rows, oldest], self._heard[rows, oldest ^ 1]), axis=1)
        return heard.astype(np.float32)

    def _begin(self, rows: Rows, heard: Wave) -> Wave:
        """Choose what is to be repeated of what was heard last, and return the first frame of it."""
        period = find_period(heard, self._scale)
        self._length[rows] = length = period * -(-_SHORTEST_UNIT * self._scale // period)
        self._unit[rows] = _cut_unit(heard, period, length, self._frame)
        frames = self._repeat(rows, np.zeros(len(rows), np.intp), self._frame)
        span = _LONGEST_PERIOD // 4 * self._scale
        ringing = _ringing(heard, span)
        frames[:, :span] = _blend(ringing, frames[:, :span], period // 4)
        return frames

    def _repeat(self, rows: Rows, elapsed: NDArray[np.intp], count: int) -> Wave:
        """Return `count` samples of the repetition from `elapsed` samples (k,) on, attenuated."""
        time = elapsed[:, None] + np.arange(count)
        wave = self._unit[rows[:, None], time % self._length[rows][:, None]]
        fall = (_SILENT - _FULL) * self._scale
        wave *= ((self._silent - time) / fall).clip(0.0, 1.0)
        return np.asarray(wave, dtype=np.float32)

    def _fade_back(self, rows: Rows, elapsed: NDArray[np.intp], frames: Samples) -> Samples:
        """Blend the first frames after a loss with the continuation of what was made up."""
        count = _FADE_BACK * self._scale
        made_up = self._repeat(rows, elapsed, count)
        frames[:, :count] = _to_samples(_blend(made_up, frames[:, :count].astype(np.float32), count))
        return frames


def find_period(heard: Wave, scale: int = 1) -> NDArray[np.intp]:
    """Return the pitch period of some lanes: the shift by which their last 20 ms look most like themselves.

    Args:
        heard: the newest samples, at least 35 ms, float32 (k, n).
        scale: the rate in units of 8 kHz.

    Returns:
        Samples, from 5 to 15 ms (k,); any of them where there is no pitch.
    """
    window, longest, size = _FRAME * scale, _LONGEST_PERIOD * scale, _SEARCH * scale
    past = heard[:, -window - longest :]
    spectrum = np.fft.rfft(past, size) * np.fft.rfft(heard[:, -window:], size).conj()
    # Product of the last window and the one that begins at each of the places in `past`.
    likeness = np.fft.irfft(spectrum, size)[:, : longest + 1]
    energy = np.zeros((len(heard), window + longest + 1))
    np.cumsum(np.square(past, dtype=np.float64), axis=1, out=energy[:, 1:])
    energy = energy[:, window:] - energy[:, : longest + 1]
    likeness /= np.sqrt(np.maximum(energy, _QUIETEST_POWER * window))
    places = longest - _SHORTEST_PERIOD * scale + 1
    return np.asarray(longest - likeness[:, :places].argmax(axis=1), dtype=np.intp)


def _cut_unit(heard: Wave, period: NDArray[np.intp], length: NDArray[np.intp], room: int) -> Wave:
    """Return the last `length` (k,) samples, made to repeat without a seam, float32 (k, room).

    The newest period comes first. The last quarter of it fades into what came before all of the unit, which
    the oldest sample continues.
    """
    count = heard.shape[1]
    period, length = period[:, None], length[:, None]
    place = (np.arange(room) - period) % length
    source = count - length + place
    unit = np.take_along_axis(heard, source, axis=1)
    before = np.take_along_axis(heard, (source - length).clip(0), axis=1)
    quarter = period // 4
    weight = ((place + 1 - length + quarter) / (quarter + 1)).clip(0.0, 1.0)
    return np.asarray(unit + weight * (before - unit), dtype=np.float32)


def _ringing(heard: Wave, count: int) -> Wave:
    """Return how the short-term predictor of some lanes continues them without input, float32 (k, count)."""
    window = heard.shape[1] // _HEARD_FRAMES
    recent = heard[:, -window:] * np.hanning(2 * window + 1)[:window]  # the newest samples weigh most
    power = np.abs(np.fft.rfft(recent, 2 * window)) ** 2
    correlation = np.fft.irfft(power)[:, : _ORDER + 1]
    correlation[:, 0] = correlation[:, 0] * _WHITENING + 1.0
    lags = np.abs(np.subtract.outer(np.arange(_ORDER), np.arange(_ORDER)))
    taps = np.linalg.solve(correlation[:, lags], correlation[:, 1:, None])[:, ::-1, 0]
    wave = np.empty((len(heard), _ORDER + count))
    wave[:, :_ORDER] = heard[:, -_ORDER:]
    for place in range(count):
        np.einsum("ij,ij->i", wave[:, place : place + _ORDER], taps, out=wave[:, place + _ORDER])
    return wave[:, _ORDER:].astype(np.float32)


def _presence(there: NDArray[np.bool_], head: NDArray[np.intp], fade: int) -> Wave:
    """How much of each sample is what came, (k, n): a fade of `fade` samples where it borders on a hole.

    Not at the end of the first `head` samples (k,): what is made up continues them.
    """
    count = there.shape[1]
    place = np.arange(count)
    hole_before = np.maximum.accumulate(np.where(there, -count, place), axis=1)
    hole_after = np.minimum.accumulate(np.where(there, 2 * count, place)[:, ::-1], axis=1)[:, ::-1]
    weight = np.minimum(place - hole_before, hole_after - place) / (fade + 1)
    weight[place < head[:, None]] = 1.0
    return np.asarray(weight.clip(0.0, 1.0), dtype=np.float32)


def _blend(old: Wave, new: Wave, duration: NDArray[np.intp] | int) -> Wave:
    """Fade from `old` to `new`, (k, n) both, within `duration` samples, (k,) or one for all."""
    weight = np.arange(1, old.shape[1] + 1) / (np.atleast_1d(duration)[:, None] + 1)
    return np.asarray(old + weight.clip(0.0, 1.0) * (new - old), dtype=np.float32)


def _to_samples(wave: Wave) -> Samples:
    """Round and saturate."""
    return np.asarray(np.rint(wave.clip(-32768.0, 32767.0)), dtype=np.int16)
