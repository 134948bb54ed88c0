"""How the voices of a call fared on the network, from its media figures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.codecs.quality import G711, G722, OPUS, mean_opinion

if TYPE_CHECKING:
    from talkpath.bridge.media.lane import LaneStatistics
    from talkpath.codecs.quality import CodecQuality

_WIDE_BAND = {"G722": G722, "OPUS": OPUS}


def voice_quality(figures: LaneStatistics, codec: str = "PCMU") -> dict[str, float | None]:
    """Rate what was received, and repeat what the far end reported by RTCP.

    Args:
        figures: Of the call's media.
        codec: What it was carried with in the end.

    Returns:
        ``mos`` (1 to 4.5, E-model of ITU-T G.107 for G.711 with concealment, of G.107.1 for G.722 and
        Opus: on its own wide-band scale), ``loss_percent``, ``jitter_ms``, ``peer_mos``,
        ``peer_loss_percent``, ``peer_jitter_ms``, ``round_trip_ms``; None: not known.
    """
    expected, peer = figures.packets_expected, figures.peer
    loss = max(0, figures.packets_lost) / expected if expected else None
    # Who listens misses what came too late as well.
    unheard = None if loss is None else loss + figures.counters.get("late", 0) / expected
    scale = _WIDE_BAND.get(codec, G711)
    delay = (peer.round_trip_ms or 0.0) / 2000
    sent = figures.counters.get("packets_sent", 0)
    peer_loss = None if peer.packets_lost is None or not sent else max(0, peer.packets_lost) / sent
    return {
        "mos": _opinion(scale, unheard, delay),
        "loss_percent": _rounded(loss, 100),
        "jitter_ms": _rounded(figures.jitter_ms if expected else None),
        "peer_mos": _opinion(scale, peer_loss, delay),
        "peer_loss_percent": _rounded(peer_loss, 100),
        "peer_jitter_ms": _rounded(peer.jitter_ms),
        "round_trip_ms": _rounded(peer.round_trip_ms),
    }


def _opinion(scale: CodecQuality, loss: float | None, delay: float) -> float | None:
    return None if loss is None else round(float(mean_opinion(scale, loss, delay)), 2)


def _rounded(value: float | None, factor: float = 1.0) -> float | None:
    return None if value is None else round(value * factor, 2)
