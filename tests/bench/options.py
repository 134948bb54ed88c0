"""What each option adds to the cost of a call, measured side by side on the worker alone.

The rounds go over all options in turn, and the best of each counts: what else the machine does meets all
alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.bench.worker import Cost, cost

if TYPE_CHECKING:
    from talkpath.bridge.benchmark.marks import AudioMode

CALLS: Final = 200
ROUNDS: Final = 3
SECONDS: Final = 2.0

OPTIONS: Final[tuple[tuple[str, AudioMode, dict[str, Any]], ...]] = (
    ("G.711 to the model", "pcmu", {}),
    ("with TLS to the model", "pcmu", {"tls": True}),
    ("with SRTP, AEAD_AES_128_GCM", "pcmu", {"srtp": "AEAD_AES_128_GCM"}),
    ("with SRTP, AES_CM_128_HMAC_SHA1_80", "pcmu", {"srtp": "AES_CM_128_HMAC_SHA1_80"}),
    ("with appends of 40 ms (`uplink_ms = 40`)", "pcmu", {"uplink_ms": 40}),
    ("with TLS and appends of 40 ms", "pcmu", {"tls": True, "uplink_ms": 40}),
    ("PCM 24 kHz to the model", "pcm", {}),
    ("PCM 24 kHz with TLS to the model", "pcm", {"tls": True}),
)


@dataclass(frozen=True, slots=True)
class OptionRow:
    """CPU µs per call-second of a worker with an option."""

    name: str
    total: float
    plane: float
    appends: float
    deltas: float


def measure(calls: int = CALLS, rounds: int = ROUNDS, seconds: float = SECONDS) -> list[OptionRow]:
    """All options, the first of them plain."""
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        for name, mode, options in OPTIONS:
            found = cost(calls, mode, seconds, **options)
            if name not in best or found.total < best[name].total:
                best[name] = found
    return [OptionRow(name, each.total, each.plane, each.appends, each.deltas) for name, each in best.items()]
