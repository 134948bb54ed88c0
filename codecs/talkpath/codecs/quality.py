"""How good a call sounds, estimated from what the network did to it: the E-model.

ITU-T G.107 (2015) for narrow band and G.107.1 for wide band, with all the parameters at their defaults (a
quiet room, a good handset, no echo to speak of) but those that a receiver of RTP knows: codec, loss, how
bursty it is, and delay. The result is a rating R, and from it a mean opinion score (MOS) from 1 to 4.5.
An estimate of how people would judge on average, not a measurement of this call's sound.

All functions take numbers or arrays of any shape that broadcast, so that one call rates all lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Ratings = NDArray[np.float64]

BEST_NARROWBAND: Final = 93.2
"""R of a call without any impairment but those of the narrow band (G.107, section 7.7)."""
BEST_WIDEBAND: Final = 129.0
"""The same for wide band (G.107.1): the scale is the one of narrow band, extended."""

_MOST_CODEC_IMPAIRMENT: Final = 95.0  # Ie-eff of a call in which everything is lost
_NOTICED_DELAY: Final = 100.0  # mT, ms: less delay disturbs nobody (G.107, default)
_DELAY_SENSITIVITY: Final = 1.0  # sT (G.107, default)


@dataclass(frozen=True, slots=True)
class CodecQuality:
    """What a codec does to speech, by itself and when packets get lost."""

    impairment: float
    """Equipment impairment factor Ie."""
    robustness: float
    """Packet-loss robustness factor Bpl: loss in percent at which half of what is left of R is gone."""
    wideband: bool = False
    """Whether the factors are those of the wide-band scale."""


G711: Final = CodecQuality(0.0, 25.1)
"""With concealment as in Appendix I, packets of 10 ms, random loss (ITU-T G.113, Appendix I)."""
G711_WITHOUT_CONCEALMENT: Final = CodecQuality(0.0, 4.3)
"""Silence for what is lost (ITU-T G.113, Appendix I)."""
G722: Final = CodecQuality(13.0, 4.3, wideband=True)
"""64 kbit/s. Ie is that of ITU-T G.113, Appendix IV. No Bpl is published for G.722: this is the lowest of
those for other wide-band codecs (G.722.2 at 12.65 kbit/s), a careful guess."""
OPUS: Final = CodecQuality(13.0, 4.3, wideband=True)
"""Nothing is published for Opus. These are the factors of G.722.2 at 12.65 kbit/s (ITU-T G.113, Appendix IV),
less than half of the bits of Opus: a careful guess."""


def burst_ratio(lost: ArrayLike, bursts: ArrayLike, expected: ArrayLike) -> Ratings:
    """Return BurstR: the mean length of the bursts, over that of random loss of the same rate.

    Args:
        lost: packets lost.
        bursts: runs of lost packets, however short.
        expected: packets that should have come.

    Returns:
        At least 1, which is random loss. 1 where nothing, or everything, was lost.
    """
    lost, bursts, expected = (np.asarray(count, np.float64) for count in (lost, bursts, expected))
    share = lost / np.maximum(expected, 1.0)
    ratio = lost / np.maximum(bursts, 1.0) * (1.0 - share)
    return np.asarray(np.maximum(ratio, 1.0))


def codec_impairment(codec: CodecQuality, loss: ArrayLike, bursts: ArrayLike = 1.0) -> Ratings:
    """Return Ie-eff, what codec and loss take from R (G.107, section 7.5).

    Args:
        codec: the codec.
        loss: packets lost, late ones included, from 0 to 1; what is outside is taken as the nearest of them.
        bursts: BurstR, see `burst_ratio`; less than 1 is taken as 1. G.107.1 knows only random loss; that
            bursts count in wide band as they do in narrow band is an assumption.

    Returns:
        From the codec's own impairment to 95.
    """
    percent = 100.0 * np.clip(np.asarray(loss, np.float64), 0.0, 1.0)
    spread = percent / np.maximum(np.asarray(bursts, np.float64), 1.0)
    share = percent / (spread + codec.robustness)
    # With long bursts the formula leaves its range of validity (BurstR up to 2, or little loss).
    return np.asarray(codec.impairment + (_MOST_CODEC_IMPAIRMENT - codec.impairment) * np.minimum(share, 1.0))


def delay_impairment(delay: ArrayLike) -> Ratings:
    """Return Idd, what the pure delay takes from R (G.107, section 7.4, with sT = 1 and mT = 100 ms).

    Args:
        delay: seconds from mouth to ear, in one direction.
    """
    milliseconds = 1000.0 * np.asarray(delay, np.float64)
    octaves = np.log2(np.maximum(milliseconds, _NOTICED_DELAY) / _NOTICED_DELAY)
    power = 6.0 * _DELAY_SENSITIVITY
    first = (1.0 + octaves**power) ** (1 / power)
    later = 3.0 * (1.0 + (octaves / 3.0) ** power) ** (1 / power)
    return np.asarray(25.0 * (first - later + 2.0))


def rating(codec: CodecQuality, loss: ArrayLike, delay: ArrayLike = 0.0, bursts: ArrayLike = 1.0) -> Ratings:
    """Return R: at most 93.2 on the narrow-band scale, 129 on the wide-band one; not below 0.

    Args:
        codec: the codec; its band decides the scale.
        loss: packets lost, from 0 to 1.
        delay: seconds from mouth to ear, in one direction.
        bursts: BurstR.
    """
    best = BEST_WIDEBAND if codec.wideband else BEST_NARROWBAND
    left = best - delay_impairment(delay) - codec_impairment(codec, loss, bursts)
    return np.asarray(np.maximum(left, 0.0))


def opinion_score(rating: ArrayLike, *, wideband: bool = False) -> Ratings:
    """Return the MOS that belongs to R, from 1 to 4.5 (G.107, Annex B; G.107.1, Annex A).

    The two are scores of different experiments: 4.5 is the best that narrow, or wide band, can be.
    """
    r = np.asarray(rating, np.float64) / (1.29 if wideband else 1.0)
    r = np.clip(r, 0.0, 100.0)
    score = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6
    return np.asarray(np.maximum(score, 1.0))


def mean_opinion(
    codec: CodecQuality, loss: ArrayLike, delay: ArrayLike = 0.0, bursts: ArrayLike = 1.0
) -> Ratings:
    """Return the MOS of calls, see `rating` and `opinion_score`."""
    return opinion_score(rating(codec, loss, delay, bursts), wideband=codec.wideband)
