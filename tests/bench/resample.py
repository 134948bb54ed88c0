"""What rate conversion costs: `OPENBLAS_NUM_THREADS=1 python -m tests.bench.resample`.

Prints microseconds of CPU for one second of one call (50 frames of 20 ms) by ratio and number of lanes.
"""

from __future__ import annotations

import os
import time

# One thread, as in the daemon; BLAS reads this when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from talkpath.codecs.resample import ResamplerBank

RATIOS = ((3, 1), (1, 3), (3, 2), (2, 3), (2, 1), (1, 2))
LANES = (1, 25, 125, 500)
ROUNDS = 7


def cost(up: int, down: int, lanes: int) -> float:
    """Return the least CPU of some rounds, in microseconds for one second of one call."""
    bank = ResamplerBank(lanes, up, down)
    rows = np.arange(lanes)
    samples = np.random.default_rng(1).integers(-9000, 9000, (lanes, 160 * down)).astype(np.int16)
    out = np.empty((lanes, 160 * up), np.int16)
    calls = max(20, 3000 // lanes)
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time_ns()
        for _ in range(calls):
            bank.process(rows, samples, out)
        best = min(best, (time.process_time_ns() - begin) / calls)
    return best / 1000 / lanes * 50


def main() -> None:
    """Print the table."""
    print("CPU in us per call-second, by lanes in one call of process()")  # noqa: T201 - a program's output
    print("ratio  delay " + "".join(f"{lanes:>8}" for lanes in LANES))  # noqa: T201 - a program's output
    for up, down in RATIOS:
        figures = "".join(f"{cost(up, down, lanes):8.1f}" for lanes in LANES)
        delay = ResamplerBank(1, up, down).delay * 1000
        print(f"{up}/{down}    {delay:.0f} ms  {figures}")  # noqa: T201 - a program's output


if __name__ == "__main__":
    main()
