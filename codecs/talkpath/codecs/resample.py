"""Streaming sample-rate conversion for many calls at once.

A windowed-sinc low-pass in polyphase form. The convolution of a block of input with all phases is one
product with a banded matrix, so that the blocks of all lanes are the rows of a single `sgemm`: no Python
per lane, no Python per block. float32 is precise to some thousandths of an int16 step here; how the
stream is cut into chunks may therefore turn a rounding, by one step, now and then, and nothing else.

The filter is the same for every ratio, seen from the lower of the two rates: flat to 0.85 of its Nyquist
frequency (3.4 kHz of 4 kHz), closed from 1.08 on (4.3 kHz), 16 samples of delay (2 ms at 8 kHz). For
speed the process should run BLAS with one thread (`OPENBLAS_NUM_THREADS=1`).
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.codecs.types import Rows, Samples

_HALF_LENGTH: Final = 16  # of the prototype, in samples of the lower rate; also its delay
_CENTRE: Final = 0.9625  # of the transition, in Nyquist frequencies of the lower rate
_KAISER_BETA: Final = 5.65  # 60 dB (Kaiser's formula)
_UNIT_RATE: Final = 8000  # Hz; ratios of it are all the rates of telephony and of the models
_OUTPUTS_PER_BLOCK: Final = 16  # per `up`: measured, see tests/bench/resample.py
_SAMPLES_PER_PASS: Final = 1 << 14  # keeps the work arrays of one pass inside the second-level cache


def design(up: int, down: int) -> NDArray[np.float64]:
    """Return the prototype low-pass at `up` times the input rate, with the gain `up`."""
    factor = max(up, down)  # high-rate samples in one sample of the lower rate
    half = _HALF_LENGTH * factor
    time = np.arange(-half, half + 1) / factor
    taps = np.sinc(_CENTRE * time) * np.kaiser(2 * half + 1, _KAISER_BETA)
    return np.asarray(taps * (up / taps.sum()), dtype=np.float64)


class ResamplerBank:
    """Converts the rate of many independent streams by `up / down`, one stream per lane.

    `up` and `down` are the output and the input rate in units of 8 kHz: 3 and 1 is 8 to 24 kHz.

    Args:
        lanes: number of streams.
        up: output rate.
        down: input rate.

    Raises:
        ValueError: a number is below one.
    """

    def __init__(self, lanes: int, up: int, down: int) -> None:
        if min(lanes, up, down) < 1:
            raise ValueError(
                f"No resampler for {lanes} lanes at the ratio {up}/{down}: each must be at least 1."
            )
        self._delay = _HALF_LENGTH / (_UNIT_RATE * min(up, down))
        self._up, self._down = up // gcd(up, down), down // gcd(up, down)
        self._block = _OUTPUTS_PER_BLOCK * self._down
        taps = design(self._up, self._down)
        self._reach = -(-len(taps) // self._up) - 1  # earlier samples that an output still needs
        self._matrix = _banded(taps, self._up, self._down, self._block, self._reach)
        self._history = np.zeros((lanes, self._reach), np.int16)
        self._scratch = _Scratch()

    @property
    def delay(self) -> float:
        """Delay of the filter in seconds, the same in all lanes."""
        return self._delay

    def reset(self, rows: Rows) -> None:
        """Forget what the lanes `rows` (k,) have heard: the next sample follows silence."""
        self._history[rows] = 0

    def process(self, rows: Rows, samples: Samples, out: Samples | None = None) -> Samples:
        """Convert the next samples of some lanes.

        Args:
            rows: the lanes (k,), each at most once.
            samples: int16 (k, n), n a multiple of `down` (after cancelling the ratio).
            out: where to write, int16 (k, n * up // down); a new array if not given.

        Returns:
            int16 (k, n * up // down), rounded to nearest and saturated.

        Raises:
            ValueError: n is not a multiple of `down`.
        """
        count, length = samples.shape
        if length % self._down:
            raise ValueError(
                f"{length} samples cannot be resampled by {self._up}/{self._down}: "
                f"pass a multiple of {self._down}, or use Resampler, which keeps the rest."
            )
        if out is None:
            out = np.empty((count, length * self._up // self._down), np.int16)
        lanes_per_pass = max(1, _SAMPLES_PER_PASS // max(length, 1))
        for first in range(0, count, lanes_per_pass):
            part = slice(first, first + lanes_per_pass)
            self._pass(rows[part], samples[part], out[part])
        return out

    def _pass(self, rows: Rows, samples: Samples, out: Samples) -> None:
        """Convert as many lanes as one pass takes."""
        count, length = samples.shape
        blocks = -(-length // self._block)
        stream = self._scratch.stream(count, self._reach + blocks * self._block)
        stream[:, : self._reach] = self._history[rows]
        stream[:, self._reach : self._reach + length] = samples
        self._history[rows] = stream[:, length : length + self._reach]
        product = self._scratch.product(stream, blocks, self._block, self._matrix)
        np.clip(product, -32768.0, 32767.0, out=product)
        np.rint(product, out=product)
        whole = product.reshape(count, blocks * product.shape[1])
        np.copyto(out, whole[:, : out.shape[1]], casting="unsafe")


class _Scratch:
    """Work memory of a bank, kept from call to call and grown when a larger frame comes."""

    def __init__(self) -> None:
        self._stream = np.empty(0, np.int16)
        self._windows = np.empty(0, np.float32)
        self._product = np.empty(0, np.float32)

    def stream(self, lanes: int, length: int) -> Samples:
        """Return room for one run of input per lane: history, new samples, and the rest of the last block."""
        if lanes * length > self._stream.size:
            # Zeros, because the rest of the last block is multiplied (and then thrown away).
            self._stream = np.zeros(lanes * length, np.int16)
        return self._stream[: lanes * length].reshape(lanes, length)

    def product(
        self, stream: Samples, blocks: int, step: int, matrix: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Multiply all windows, one each `step` samples, by `matrix`; return (lanes * blocks, outputs)."""
        window, outputs = matrix.shape
        lanes = len(stream)
        count = lanes * blocks
        if count * window > self._windows.size:
            self._windows = np.empty(count * window, np.float32)
            self._product = np.empty(count * outputs, np.float32)
        windows = self._windows[: count * window].reshape(count, window)
        # The windows overlap: BLAS refuses such rows, so they are copied out, and become floats on the way.
        overlapping = np.ndarray(
            (lanes, blocks, window), np.int16, stream, strides=(stream.strides[0], 2 * step, 2)
        )
        np.copyto(windows.reshape(lanes, blocks, window), overlapping)
        return np.matmul(windows, matrix, out=self._product[: count * outputs].reshape(count, outputs))


class Resampler:
    """Converts the rate of one stream, cut into chunks of any length.

    `up` and `down` are the output and the input rate in units of 8 kHz, as in ResamplerBank. The samples
    that do not fill a whole step of `down` wait for the next chunk, so that the rate is exact for ever.
    """

    def __init__(self, up: int, down: int) -> None:
        self._bank = ResamplerBank(1, up, down)
        self._down = down // gcd(up, down)
        self._chunk = _SAMPLES_PER_PASS // 4 // self._down * self._down
        self._tail = -(
            -2 * _HALF_LENGTH * max(up, down) // up
        )  # the length of the prototype, in input samples
        self._rest = np.zeros(0, np.int16)

    @property
    def delay(self) -> float:
        """Delay of the filter in seconds."""
        return self._bank.delay

    def reset(self) -> None:
        """Forget the stream: the next sample follows silence."""
        self._bank.reset(_FIRST_LANE)
        self._rest = self._rest[:0]

    def process(self, samples: Samples) -> Samples:
        """Convert the next chunk, int16 (n,), n >= 0; return what is complete, int16 (m,)."""
        if self._rest.size:
            samples = np.concatenate((self._rest, samples))
        whole = len(samples) - len(samples) % self._down
        self._rest = samples[whole:].copy()
        parts = [
            self._bank.process(_FIRST_LANE, samples[None, start : min(start + self._chunk, whole)])[0]
            for start in range(0, whole, self._chunk)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def flush(self) -> Samples:
        """Return the tail of the stream that is still inside the filter, int16 (m,), and reset."""
        silence = np.zeros(self._tail, np.int16)
        tail = self.process(silence)
        self.reset()
        return tail


def _banded(taps: NDArray[np.float64], up: int, down: int, block: int, reach: int) -> NDArray[np.float32]:
    """Return the matrix (reach + block, block * up // down) from a window of input to a block of output.

    Output `m` of a block stands at the time `m * down` of the high rate, input `i` of its window at
    `(i - reach) * up`; where their distance is inside the prototype stands its tap.
    """
    inputs = np.arange(-reach, block)[:, None] * up
    outputs = np.arange(block * up // down)[None, :] * down
    distance = outputs - inputs
    inside = (distance >= 0) & (distance < len(taps))
    return np.where(inside, taps[distance.clip(0, len(taps) - 1)], 0.0).astype(np.float32)


_FIRST_LANE: Final = np.zeros(1, np.intp)
