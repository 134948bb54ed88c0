"""What the tests of recordings listen with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.io import wavfile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read(path: Path) -> NDArray[np.int16]:
    """The samples of a recording (k, 2), by a reader that is not ours."""
    rate, samples = wavfile.read(path)
    assert rate == 8_000
    assert samples.dtype == np.int16
    return np.asarray(samples, np.int16)


def pulses(samples: NDArray[np.int16], level: int = 4_000) -> list[int]:
    """Where sounds begin that follow silence of at least half a second."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > level)
    begins = np.concatenate([[True], np.diff(loud) > 4_000]) if loud.size else np.zeros(0, np.bool_)
    return [int(place) for place in loud[begins]]
