"""The part of the catalogue that is about voices: packets, frames, beats, and how calls sounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import labels
from .catalogue import Catalogue

if TYPE_CHECKING:
    from prometheus_client import Histogram


class MediaMetrics(Catalogue):
    """Metrics of the media plane, of recordings and of the quality of calls, by attribute."""

    def _define_media(self) -> None:
        self.rtp_packets = self._counter("rtp_packets", "RTP packets of all calls.", ["direction"])
        self.rtp_anomalies = self._counter(
            "rtp_anomalies",
            "RTP packets or streams that were not as they should be.",
            ["cause"],
            "late, duplicate, reordered: the network. wrong_source, bad_…, oversized: somebody probes "
            "our ports. overrun: the peer's clock. send_blocked, send_unreachable: this machine's network. "
            "srtp_unauthenticated: somebody without the key sends, or (all packets of a call) a proxy "
            "changed the keys in the SDP. srtp_replayed: the network repeats packets, or somebody does. "
            "srtp_old_key: a few after a re-INVITE are normal. srtcp_refused alone: harmless, Asterisk's "
            "reports under srtp_tag_32.",
        )
        self.rtp_other_packets = self._counter(
            "rtp_other_packets", "Packets on RTP ports that carry no speech.", ["kind"]
        )
        self.uplink_frames = self._counter("uplink_frames", "20 ms frames of callers sent to the model.", [])
        self.uplink_filled = self._counter(
            "uplink_filled_frames",
            "Of these, frames that had to be made up.",
            ["reason"],
            "lost: packet loss, 1 % is audible. gap: nothing came, normal for silence suppression.",
        )
        self.uplink_concealed = self._counter(
            "uplink_concealed_frames",
            "Lost frames that were made up from the speech before them.",
            [],
            "As many as lost frames is well; the model hears no hole.",
        )
        self.uplink_silence = self._counter(
            "uplink_suppressed_bytes", "Samples that the peer left out on purpose (silence suppression).", []
        )
        self.playout_frames = self._counter(
            "playout_frames",
            "20 ms frames sent to callers with something other than idle silence.",
            ["kind"],
            "starved: the model was slower than real time, callers hear gaps. skipped: this process was.",
        )
        self.joined_frames = self._counter(
            "joined_frames",
            "20 ms frames between callers and humans who talk through us.",
            ["result"],
            "dropped: a far end's clock is fast, or its packets come in bursts. starved: they come late.",
        )
        self.playout_overflow = self._counter(
            "playout_overflow_bytes",
            "Model audio dropped because the queue of its call was full, or all of its worker together.",
            [],
            "More than zero: an answer of many minutes, a broken model server, or an overloaded worker.",
        )
        self.playout_underruns = self._counter(
            "playout_underruns",
            "Times that the model's audio ran out in the middle of what it said.",
            [],
            "The model was slower than real time; the edges of each hole are faded.",
        )
        self.beat_lateness = self._histogram(
            "beat_lateness_seconds",
            "How late the 5 ms beat of a media worker began.",
            [],
            labels.LATENESS_BUCKETS,
            "p99 above 10 ms is audible jitter: fewer lanes per worker, a quieter machine.",
        )
        self.beats_skipped = self._counter(
            "beats_skipped",
            "Beats that never happened because an earlier one took too long.",
            [],
            "Any, again and again: the worker stalls; see beat_lateness_seconds.",
        )

    def _define_quality(self) -> None:
        network = "Look at the network between the trunk and here; the call_ended lines tell which calls."
        self.call_mos = self._histogram(
            "call_mos_score",
            "How callers sounded to the agent, one value per call: E-model of ITU-T G.107, 1 to 4.5.",
            ["trunk"],
            labels.MOS_BUCKETS,
            f"Below 3.6 many are dissatisfied. {network}",
        )
        self.call_jitter = self._histogram(
            "call_jitter_seconds",
            "Interarrival jitter of what callers sent, one value per call (RFC 3550, 6.4.1).",
            ["trunk"],
            labels.JITTER_BUCKETS,
            f"Above 30 ms the agent hears later, and gaps. {network}",
        )
        self.call_loss = self._histogram(
            "call_loss_ratio",
            "Share of the packets of callers that never came, one value per call.",
            ["trunk"],
            labels.LOSS_BUCKETS,
            f"1 % is audible, 5 % makes the model mishear. {network}",
        )
        self.call_peer_loss = self._histogram(
            "call_peer_loss_ratio",
            "Share of our packets that never came, as the far end reported by RTCP, one value per call.",
            ["trunk"],
            labels.LOSS_BUCKETS,
            f"Callers hear gaps that we cannot see otherwise. {network}",
        )
        self.call_round_trip = self._histogram(
            "call_round_trip_seconds",
            "Round trip between here and the far end by RTCP, one value per call.",
            ["trunk"],
            labels.ROUND_TRIP_BUCKETS,
            "Comes on top of every turn: above 150 ms, place a node nearer to the trunk.",
        )
        self.recordings = self._counter(
            "recordings",
            "Recordings of calls, by what became of them.",
            ["result"],
            "failed, not_announced: the recording_failed log lines say why. kept: the complete ones.",
        )
        self.recording_dropped = self._counter(
            "recording_dropped_frames",
            "20 ms frames that are silence in a recording because the disk was too slow.",
            [],
            "Any: a faster disk, or another one, for the recordings.",
        )

    def qualities(self) -> dict[Histogram, tuple[str, float]]:
        """Histograms of the quality of calls: name of the figure in the record, and its unit in ours."""
        return {
            self.call_mos: ("mos", 1.0),
            self.call_jitter: ("jitter_ms", 1000.0),
            self.call_loss: ("loss_percent", 100.0),
            self.call_peer_loss: ("peer_loss_percent", 100.0),
            self.call_round_trip: ("round_trip_ms", 1000.0),
        }
