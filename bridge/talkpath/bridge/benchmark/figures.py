"""From what was written down to figures. Pure: arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.benchmark import marks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from talkpath.bridge.benchmark.orders import Heard, Served

MS: Final = 1e-6
"""Milliseconds in a nanosecond."""
FRAME_MS: Final = 20.0
UPLINK_TAIL_NS: Final = 500_000_000
"""What was sent this shortly before the end of a window may still be on its way."""
ECHO_TAIL_NS: Final = 4_000_000_000
"""In which a frame that was heard must have come back."""
HEARD_WITHIN_NS: Final = 200_000_000
"""How long after an interruption a packet still belongs to the answer that was interrupted."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of something, in milliseconds; NaN without samples."""

    p50: float
    p95: float
    p99: float
    p999: float
    samples: int

    @staticmethod
    def of(values: Sequence[float] | NDArray[np.float64]) -> Spread:
        """The percentiles of some milliseconds."""
        if not len(values):
            nan = float("nan")
            return Spread(nan, nan, nan, nan, 0)
        points = np.percentile(np.asarray(values, np.float64), [50, 95, 99, 99.9])
        p50, p95, p99, p999 = (round(float(point), 3) for point in points)
        return Spread(p50, p95, p99, p999, len(values))


@dataclass(frozen=True, slots=True)
class Delivery:
    """Frames that were looked for on the other side, and those that never came there."""

    looked_for: int
    lost: int


def _times(
    calls: NDArray[np.int64], frames: NDArray[np.int64], times: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The time of each (call, frame), 0 where there is none."""
    table = np.zeros((marks.MOST_CALLS, marks.FRAMES), np.int64)
    table[calls, frames] = times
    return table


def uplink(heard: Heard, served: Served) -> tuple[Spread, Delivery]:
    """From the sending of a packet to the arrival of its append at the model's socket."""
    sent, appended = heard.sent, served.appended
    appended = appended[appended[:, 2] >= 0]
    arrived = _times(appended[:, 2], appended[:, 3], appended[:, 1])
    if not len(sent):
        return Spread.of([]), Delivery(0, 0)
    early = sent[sent[:, 2] < sent[:, 2].max() - UPLINK_TAIL_NS]
    at = arrived[early[:, 0], early[:, 1]]
    came = at > 0
    return Spread.of((at - early[:, 2])[came] * MS), Delivery(len(early), int((~came).sum()))


def echo(heard: Heard, served: Served) -> Delivery:
    """Of the frames that the model heard and sent back, those that never became a packet.

    A frame is not lost as long as it may still be queued: after a stall all that follows is late, and what
    was heard at the end of a window comes back behind it. So a frame counts when one that was heard later
    came back, or when it had `ECHO_TAIL_NS`.
    """
    appended, received = served.appended, heard.received
    appended = appended[appended[:, 2] >= 0]
    if not len(appended) or not len(received):
        return Delivery(0, 0)
    received = received[received[:, 3] == received[:, 0]]
    back = _times(received[:, 3], received[:, 4], received[:, 2])
    calls, times = appended[:, 2], appended[:, 1]
    came = back[calls, appended[:, 3]] > 0
    last = np.zeros(marks.MOST_CALLS, np.int64)
    np.maximum.at(last, calls[came], times[came])
    due = (times <= last[calls]) | (times < times.max() - ECHO_TAIL_NS)
    return Delivery(int(due.sum()), int((due & ~came).sum()))


def send_jitter(heard: Heard) -> Spread:
    """How far the distance of consecutive packets of a call is from 20 ms, by the kernel's clock."""
    received = heard.received
    order = np.lexsort((received[:, 2], received[:, 0]))
    call, time = received[order, 0], received[order, 2]
    distance = np.abs(np.diff(time) * MS - FRAME_MS)
    return Spread.of(distance[call[1:] == call[:-1]])


def missing_packets(heard: Heard) -> int:
    """Packets left out of the sequence numbers: sent by nobody, or dropped before the generator read them."""
    received = heard.received
    order = np.lexsort((received[:, 2], received[:, 0]))
    call, sequence = received[order, 0], received[order, 1]
    steps = (np.diff(sequence) & 0xFFFF)[call[1:] == call[:-1]]
    return int((steps[(steps > 1) & (steps < 1000)] - 1).sum())


def turns(heard: Heard, served: Served) -> tuple[Spread, Spread]:
    """First sound of an answer after its first delta was written, last sound after the interruption was.

    The second counts to the sending of the last packet with anything audible, the one with the fade included.
    """
    first: list[float] = []
    last: list[float] = []
    audible = heard.received[heard.received[:, 5] != 0]
    by_call = {call: np.sort(audible[audible[:, 0] == call, 2]) for call in np.unique(audible[:, 0]).tolist()}
    end = int(heard.received[:, 2].max()) if len(heard.received) else 0
    for connection, answered, interrupted in served.answers.tolist():
        packets = by_call.get(served.calls[connection])
        if packets is None or interrupted + HEARD_WITHIN_NS > end:
            continue
        inside = packets[(packets >= answered) & (packets < interrupted + HEARD_WITHIN_NS)]
        if inside.size:
            first.append(float(inside[0] - answered) * MS)
            last.append(float(inside[-1] - interrupted) * MS)
    return Spread.of(first), Spread.of(last)


def growth(before: Mapping[str, float], after: Mapping[str, float], name: str) -> float:
    """How much a counter grew between two scrapes."""
    return after.get(name, 0.0) - before.get(name, 0.0)


def histogram_quantiles(
    before: Mapping[str, float], after: Mapping[str, float], name: str, points: Sequence[float]
) -> list[float]:
    """Quantiles between two scrapes of a histogram, in its unit; inside a bucket they are interpolated.

    Beyond the last bound they are that bound.
    """
    head = f"{name}_bucket{{"
    bounds = sorted(float(key[len(head) : -1]) for key in after if key.startswith(head))
    spelled = {float(key[len(head) : -1]): key for key in after if key.startswith(head)}
    counts = [growth(before, after, spelled[bound]) for bound in bounds]
    if not counts or counts[-1] <= 0:
        return [float("nan")] * len(points)
    finite = [0.0, *(bound if np.isfinite(bound) else bounds[-2] for bound in bounds)]
    return [float(np.interp(point * counts[-1], [0.0, *counts], finite)) for point in points]
