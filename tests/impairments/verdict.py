"""Plain bounds that every run must keep; figures are for people, these are for machines."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.impairments.matrix import Result

STREAM_MS: Final = 80.0
"""One frame and the time that a hole may wait, `talkpath.bridge.media.jitter.DEFAULT_TARGET`."""
CLEAN_SNR: Final = 30.0
TOLERANCE_DB: Final = 1.5
"""More loss may sound this much better by chance: other packets are hit."""
LATE_CALLER_MS: Final = 15.0
"""Beyond this, a caller has an impairment of its own: its row says nothing."""


def problems(results: Sequence[Result]) -> list[str]:
    """Return what is wrong, a sentence each."""
    found = [sentence for result in results for sentence in _of_one(result)]
    for sweep in ("loss", "bursts", "wide loss"):
        own = [result for result in results if result.row.sweep == sweep]
        own.sort(key=lambda result: result.row.impairment.loss)
        for less, more in pairwise(own):
            if more.score.snr > less.score.snr + TOLERANCE_DB:
                found.append(f"{more.row.label} sounds better than {less.row.label}")
    return found


def _of_one(result: Result) -> Iterator[str]:
    label, what = result.row.label, result.row.impairment
    if result.caller_late_ms > LATE_CALLER_MS:
        yield f"{label}: the caller itself was {result.caller_late_ms:.0f} ms late; the machine is too busy"
        return
    if abs(result.score.stretch_ms) > STREAM_MS:
        yield f"{label}: the stream is {result.score.stretch_ms:+.0f} ms longer than what was said"
    if not -STREAM_MS * 2 - what.jitter <= result.clock_ms <= STREAM_MS:
        yield f"{label}: over the whole call the stream differs from the time by {result.clock_ms:+.0f} ms"
    if result.down_lost or result.down_jumps:
        steps = result.down_lost + result.down_jumps
        yield f"{label}: {steps} steps in what the caller was sent"
    yield from _of_the_way_back(result)
    if what.harmless and (result.lost or result.late or result.score.missing or result.score.clicks):
        yield f"{label}: something is lost without a reason"
    if what.harmless and result.score.snr < CLEAN_SNR:
        yield f"{label}: {result.score.snr:.1f} dB with nothing in the way"
    if result.score.missing > what.loss * 1.6 + 0.03:
        yield f"{label}: {result.score.missing:.1%} of the sound is missing"


def _of_the_way_back(result: Result) -> Iterator[str]:
    """Nothing is in the way of what the model says, whatever happens to what it hears."""
    label, back = result.row.label, result.back
    if back.missing or back.clicks or back.stretch_ms:
        yield (
            f"{label}: of the model, {back.missing:.1%} is missing, with {back.clicks} clicks, and it is "
            f"{back.stretch_ms:+.0f} ms longer"
        )
    if back.snr < CLEAN_SNR:
        yield f"{label}: the caller hears the model with {back.snr:.1f} dB"
