"""What the parts of a worker count for themselves, told to its metrics once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.observe.feed import CounterFeed, HistogramFeed, media_feed

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge

    from talkpath.bridge.media.plane import MediaPlane
    from talkpath.bridge.media.ports import RtpPorts
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.bridge.realtime.tool_runner import ToolRunner
    from talkpath.bridge.recording.writer import RecordingWriter
    from talkpath.sip.messages import WorkerSettings

__all__ = ["Meters"]


class Meters:
    """Reads the counters of one worker.

    Args:
        settings: How many lanes and ports there are.
        metrics: Where it is told.
        plane: Counts packets, frames and beats.
        ports: Knows which are taken.
        recordings: Counts what it kept.
        tool_runner: Counts how tools ended.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        metrics: Metrics,
        *,
        plane: MediaPlane,
        ports: RtpPorts,
        recordings: RecordingWriter,
        tool_runner: ToolRunner,
    ) -> None:
        self._metrics = metrics
        self._lanes = settings.lanes
        self._port_pairs = (settings.last_rtp_port - settings.first_rtp_port + 1) // 2
        self._plane = plane
        self._ports = ports
        self._recordings = recordings
        self._tool_runner = tool_runner
        self._media = media_feed(metrics)
        self._others = CounterFeed(self._counter)
        self._lateness = HistogramFeed(metrics.beat_lateness)

    def feed(self) -> None:
        """Tell what has changed since the last time."""
        self._media.feed(self._plane.counters.totals())
        lateness = self._plane.lateness
        self._lateness.feed(lateness.counts, lateness.total)
        self._share(self._metrics.lanes, len(self._plane), self._lanes)
        self._share(self._metrics.rtp_ports, len(self._ports), self._port_pairs)
        self._others.feed(
            {
                "skipped": lateness.skipped,
                "recordings_kept": self._recordings.kept,
                "recordings_dropped": self._recordings.dropped_frames,
                **{f"tool_{name}": count for name, count in self._tool_runner.counts.items()},
            }
        )

    @staticmethod
    def _share(gauge: Gauge, used: int, existing: int) -> None:
        gauge.labels("used").set(used)
        gauge.labels("free").set(existing - used)

    def _counter(self, name: str) -> Counter | None:
        others = {
            "skipped": self._metrics.beats_skipped,
            "recordings_kept": self._metrics.recordings.labels("kept"),
            "recordings_dropped": self._metrics.recording_dropped,
        }
        return others.get(name) or self._metrics.tool_calls.labels(name.removeprefix("tool_"))
