"""What the building blocks of speech cost, and what concealment is worth: `python -m tests.bench.codecs`.

Prints microseconds of CPU for one second of one call (50 frames of 20 ms). With `--quality`, also how good
speech sounds after loss: PESQ if the package `pesq` is installed (it is not one of the project's), the
log-spectral distance and the signal-to-noise ratio of the lost frames.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

# One thread, as in the daemon; BLAS reads this when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import av
import numpy as np

from talkpath.codecs import g722, limiter, opus, quality
from talkpath.codecs.comfort_noise import ComfortNoise, ComfortNoiseBank, NoiseFloor
from talkpath.codecs.concealment import ConcealmentBank
from talkpath.codecs.levels import level
from tests.bench.voice import said, voice
from tests.harness import losses

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANES = (1, 25, 125)
ROUNDS = 7
FRAMES_PER_SECOND = 50

Step = Callable[[], object]


def cost(step: Step, lanes: int, calls: int | None = None) -> float:
    """Return the least CPU of some rounds in microseconds for one second of one call, a frame each step."""
    calls = calls or max(20, 2000 // lanes)
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time_ns()
        for _ in range(calls):
            step()
        best = min(best, (time.process_time_ns() - begin) / calls)
    return best / 1000 / lanes * FRAMES_PER_SECOND


def blocks(lanes: int) -> dict[str, Step]:
    """Return one step of each building block for some lanes."""
    rng = np.random.default_rng(1)
    rows = np.arange(lanes)
    frames, wide = (rng.integers(-9000, 9000, (lanes, n)).astype(np.int16) for n in (160, 320))
    loud = np.full((lanes, 160), 30000, np.int16)
    banks = {rate: ConcealmentBank(lanes, rate) for rate in (8000, 16000)}
    noise, floor, limit = ComfortNoiseBank(lanes), NoiseFloor(lanes), limiter.SoftLimiter(lanes)
    for row in range(lanes):
        noise.set(row, ComfortNoise(-40.0, (-0.7, 0.5)))
    loss = rng.random(lanes)

    def one_in_ten(bank: ConcealmentBank, frames: NDArray[np.int16]) -> Step:
        """Lose each tenth frame of all lanes, the worst that can happen to the vector."""
        number = 0

        def step() -> None:
            nonlocal number
            number += 1
            if number % 10:
                bank.good(rows, frames)
            else:
                bank.lost(rows)

        return step

    return {
        "concealment 8 kHz, no loss": lambda: banks[8000].good(rows, frames),
        "concealment 8 kHz, 10 % loss": one_in_ten(ConcealmentBank(lanes), frames),
        "concealment 16 kHz, no loss": lambda: banks[16000].good(rows, wide),
        "concealment 16 kHz, 10 % loss": one_in_ten(ConcealmentBank(lanes, 16000), wide),
        "comfort noise": lambda: noise.next(rows),
        "noise floor, level included": lambda: floor.update(rows, level(frames)),
        "limiter, nothing loud": lambda: limit.process(rows, frames),
        "limiter, all loud": lambda: limit.process(rows, loud),
        "E-model, per rating x 50": lambda: quality.mean_opinion(quality.G711, loss, 0.1),
    }


def g722_peer() -> tuple[Step, Step, bytes]:
    """Return how FFmpeg's codec encodes and decodes a frame, and the payload that is decoded."""
    samples = np.random.default_rng(1).integers(-9000, 9000, 320).astype(np.int16)
    encoder: Any = av.CodecContext.create("g722", "w")
    encoder.sample_rate, encoder.layout, encoder.format = g722.SAMPLE_RATE, "mono", "s16"
    encoder.time_base = Fraction(1, g722.SAMPLE_RATE)
    decoder: Any = av.CodecContext.create("g722", "r")
    decoder.sample_rate, decoder.layout = g722.SAMPLE_RATE, "mono"
    payload = g722.G722Encoder().encode(samples)
    position = 0

    def encode() -> list[bytes]:
        nonlocal position
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = g722.SAMPLE_RATE, position
        position += 320
        return [bytes(packet) for packet in encoder.encode(frame)]

    def decode() -> list[NDArray[np.int16]]:
        return [frame.to_ndarray()[0] for frame in decoder.decode(av.Packet(payload))]

    return encode, decode, payload


def opus_steps() -> dict[str, Step]:
    """Return what Opus does with a frame of a voice."""
    frames = itertools.cycle(voice(opus.SAMPLE_RATE, 1.0).reshape(-1, 320))
    encoders = {recovers: opus.OpusEncoder(opus.OpusWishes(recovers=recovers)) for recovers in (False, True)}
    packets, decoder = said("OPUS"), opus.OpusDecoder()
    coming = itertools.cycle(packets)
    return {
        "Opus encode": lambda: encoders[False].encode(next(frames)),
        "Opus encode, with copies": lambda: encoders[True].encode(next(frames)),
        "Opus decode": lambda: decoder.decode(next(coming)),
        "Opus, a loss made up": lambda: decoder.conceal(320),
        "Opus, a loss from its copy": lambda: decoder.recover(packets[20], 320),
    }


def print_costs() -> None:
    """Print the table of costs."""
    out = sys.stdout.write
    out("CPU in us per call-second, by lanes in one call\n")
    out(f"{'':32}" + "".join(f"{lanes:>9}" for lanes in LANES) + "\n")
    tables = [blocks(lanes) for lanes in LANES]
    for name in tables[0]:
        figures = (cost(table[name], lanes) for table, lanes in zip(tables, LANES, strict=True))
        out(f"{name:32}" + "".join(f"{figure:9.1f}" for figure in figures) + "\n")
    encode, decode, payload = g722_peer()
    samples = np.random.default_rng(1).integers(-9000, 9000, 320).astype(np.int16)
    encoder, decoder = g722.G722Encoder(), g722.G722Decoder()
    out(f"{'G.722 encode':32}{cost(lambda: encoder.encode(samples), 1):9.1f}\n")
    out(f"{'G.722 decode':32}{cost(lambda: decoder.decode(payload), 1):9.1f}\n")
    out(f"{'G.722 encode, PyAV':32}{cost(encode, 1):9.1f}\n")
    out(f"{'G.722 decode, PyAV':32}{cost(decode, 1):9.1f}\n")
    for name, step in opus_steps().items():
        out(f"{name:32}{cost(step, 1):9.1f}\n")


def pesq(rate: int, clean: NDArray[np.int16], heard: NDArray[np.int16]) -> float:
    """Return the mean PESQ of some lanes, narrow or wide band; nothing (NaN) without the package."""
    try:
        score = importlib.import_module("pesq").pesq
    except ImportError:
        return float("nan")
    mode = "nb" if rate == 8000 else "wb"
    lanes = zip(clean, heard, strict=True)
    return float(np.mean([score(rate, a.reshape(-1), b.reshape(-1), mode) for a, b in lanes]))


def print_quality() -> None:
    """Print how speech sounds after loss: PESQ / log-spectral distance in dB / SNR in dB."""
    out = sys.stdout.write
    ways = {"silence": losses.zero_filled, "repeat": losses.repeated, "concealed": losses.concealed}
    out(f"\n{'rate   loss  burst':20}" + "".join(f"{name:>24}" for name in ways) + "\n")
    for rate in (8000, 16000):
        frames = np.tile(losses.frames_of(losses.speech(rate), rate), (3, 1, 1))
        for share in (0.01, 0.03, 0.05, 0.10):
            for burst in (1 / (1 - share), 2.5):
                lost = losses.losses(frames.shape[:2], share, burst, 7)
                out(f"{rate:5} {share:5.0%} {burst:6.1f}  ")
                for way in ways.values():
                    heard = way(frames, lost)
                    distance = losses.spectral_distance(frames, heard, lost)
                    ratio = losses.segmental_snr(frames, heard, lost)
                    out(f"{pesq(rate, frames, heard):12.2f} {distance:5.1f} {ratio:5.1f}")
                out("\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quality", action="store_true", help="also judge speech after loss")
    options = parser.parse_args()
    print_costs()
    if options.quality:
        print_quality()


if __name__ == "__main__":
    main()
