"""Underruns without a click: what the caller hears when the model is slower than real time.

Speech that breaks off in the middle of a wave, and begins again there, clicks. So its last sample falls to
silence within 5 ms, and its next samples rise from silence. Both are made at the edge of the queue, in the
model's own format, and change no position: the tail is not audio of the model, and does not count as played.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.g711_law import ALAW, ULAW
from talkpath.codecs.limiter import fade_in, fade_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.playout import Playout

    Samples = NDArray[np.int16]

__all__ = ["bridge_underruns"]

_FADES_IN_A_FRAME: Final = 4  # of 5 ms each


def bridge_underruns(
    playout: Playout,
    rows: NDArray[np.intp],
    frames: NDArray[np.uint8],
    ready: NDArray[np.bool_],
    counters: Counters,
) -> None:
    """Complete what `Playout.take` has just written for the lanes that ran dry, or run again.

    Args:
        playout: Says which lanes starve.
        rows: The lanes (k,), each at most once.
        frames: Their frames in the format of their models (k, frame bytes); changed in place.
        ready: Which of them are written (k,); a tail is added in place.
        counters: Where underruns are counted.
    """
    for lane, has_tail in tuple(playout.starving.items()):
        for index in np.flatnonzero(rows == lane).tolist():
            if ready[index]:
                del playout.starving[lane]
                _change(playout, lane, frames[index], _rising)
            elif playout.idle(lane):
                del playout.starving[lane]
            elif not has_tail:
                playout.starving[lane] = ready[index] = True
                frames[index] = playout.last_frame(lane)
                _change(playout, lane, frames[index], _falling)
                counters.add(lane, Cause.UNDERRUNS)


def _change(
    playout: Playout, lane: int, frame: NDArray[np.uint8], shape: Callable[[Samples], Samples]
) -> None:
    """Shape the samples of one frame, in place."""
    if playout.linear:
        samples = frame.view(np.int16)
        samples[:] = shape(samples)
        return
    law = ULAW if playout.pad[lane] == ULAW.silence else ALAW
    frame[:] = law.encode(shape(law.decode(frame)))


def _rising(samples: Samples) -> Samples:
    return fade_in(samples, len(samples) // _FADES_IN_A_FRAME)


def _falling(samples: Samples) -> Samples:
    """From the last of these samples to silence: what follows them."""
    return fade_out(np.full_like(samples, samples[-1]), len(samples) // _FADES_IN_A_FRAME)
