"""From counters that only grow, kept in arrays and dictionaries, to Prometheus: once a second.

The media plane and the SIP process count with plain integers, because a metrics call per packet would
cost more than the packet. A feed remembers what it has seen and adds the difference. A value that went
down belongs to a process that started again, and counts from zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .call_record import MALFORMED
from .labels import REFUSALS, status_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prometheus_client import Counter, Histogram

    from .metrics import Metrics

ANOMALIES: Final = frozenset(
    {
        *MALFORMED,
        "oversized",
        "wrong_source",
        "wrong_payload_type",
        "bad_payload",
        "late",
        "duplicate",
        "overrun",
        "reordered",
        "resynchronised",
        "realigned",
        "relatched",
        "receive_errors",
        "send_blocked",
        "send_unreachable",
        "send_failed",
        "rtcp_malformed",
        "rtcp_unsent",
        "srtp_unauthenticated",
        "srtp_replayed",
        "srtp_malformed",
        "srtp_old_key",
        "srtp_sources",
        "srtcp_refused",
    }
)
OTHER_PACKETS: Final = {
    "rtcp": "rtcp",
    "rtcp_sent": "rtcp_sent",
    "comfort_noise": "comfort_noise",
    "dtmf_packets": "dtmf",
    "not_receiving": "while_on_hold",
}


class CounterFeed:
    """Adds the growth of named totals to counters.

    Args:
        child_of: finds the counter, labels applied, for a name; None to leave the name out.
    """

    def __init__(self, child_of: Callable[[str], Counter | None]) -> None:
        self._child_of = child_of
        self._children: dict[str, Counter | None] = {}
        self._seen: dict[str, float] = {}

    def feed(self, totals: Mapping[str, float]) -> None:
        """Take the totals as they are now."""
        for name, total in totals.items():
            before = self._seen.get(name, 0)
            growth = total - before if total >= before else total
            self._seen[name] = total
            if growth:
                child = self._child(name)
                if child is not None:
                    child.inc(growth)

    def restart(self) -> None:
        """The process that counted was started again: its next totals begin at zero."""
        self._seen.clear()

    def _child(self, name: str) -> Counter | None:
        if name not in self._children:
            self._children[name] = self._child_of(name)
        return self._children[name]


def media_feed(metrics: Metrics) -> CounterFeed:
    """Feed for the totals of the media plane, named by its causes."""
    m = metrics
    direct: dict[str, Counter] = {
        "packets_received": m.rtp_packets.labels("in"),
        "packets_sent": m.rtp_packets.labels("out"),
        "frames_uplink": m.uplink_frames,
        "frames_lost_filled": m.uplink_filled.labels("lost"),
        "frames_gap_filled": m.uplink_filled.labels("gap"),
        "frames_concealed": m.uplink_concealed,
        "dtx_filled_bytes": m.uplink_silence,
        "frames_played": m.playout_frames.labels("speech"),
        "frames_starved": m.playout_frames.labels("starved"),
        "underruns": m.playout_underruns,
        "frames_sound": m.playout_frames.labels("sound"),
        "frames_skipped": m.playout_frames.labels("skipped"),
        "overflow_bytes": m.playout_overflow,
        "frames_joined": m.joined_frames.labels("sent"),
        "join_dropped": m.joined_frames.labels("dropped"),
        "join_starved": m.joined_frames.labels("starved"),
        **{cause: m.rtp_anomalies.labels(cause) for cause in ANOMALIES},
        **{cause: m.rtp_other_packets.labels(kind) for cause, kind in OTHER_PACKETS.items()},
    }
    return CounterFeed(direct.get)


def sip_feed(metrics: Metrics) -> CounterFeed:
    """Feed for `SipStatistics`: refusals have their own metrics, the rest has one."""

    def child_of(name: str) -> Counter:
        event, _, detail = name.partition(":")
        if event == "refused":
            return metrics.sip_refused.labels(detail)
        if event == "rejected":
            return metrics.sip_rejected.labels(status_label(int(detail)))
        if event == "register":  # the registrar's answer
            return metrics.sip_events.labels(event, status_label(int(detail)))
        return metrics.sip_events.labels(event, detail)

    for cause in REFUSALS:
        metrics.sip_refused.labels(cause)
    return CounterFeed(child_of)


class HistogramFeed:
    """Adds the growth of a histogram that was counted elsewhere with the same edges.

    Args:
        histogram: without labels, or with labels applied.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._counts: list[int] = []
        self._total = 0.0

    def feed(self, counts: Sequence[int], total: float) -> None:
        """Take the counts per bucket, the open-ended one last, and the sum of all values."""
        before = self._counts or [0] * len(counts)
        # The library has no public way to add many observations at once, and observing 200 beats a
        # second one by one would cost more than recording them did.
        buckets = self._histogram._buckets  # noqa: SLF001 - see above
        for bucket, count, seen in zip(buckets, counts, before, strict=True):
            if count > seen:
                bucket.inc(count - seen)
        self._histogram._sum.inc(total - self._total)  # noqa: SLF001 - see above
        self._counts, self._total = list(counts), total
