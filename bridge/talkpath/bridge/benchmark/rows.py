"""The rows of the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from talkpath.bridge.benchmark.figures import Spread

NAN: Final = float("nan")
UNMEASURED: Final = Spread.of([])


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of one number of calls in one mode. Milliseconds unless the name says otherwise.

    Attributes:
        setup: From INVITE to 200.
        beat_late_p50: Lateness of beats, at 50, 99 and 99.9 %.
        downlink: First delta to first audible packet.
        barge_in: Interruption to last audible packet.
        filled: Frames made up towards the model.
        starved: Frames of silence because the model was late.
        skipped: Frames never sent because a beat came too late.
    """

    subject: str
    mode: str
    calls: int
    answered: int
    us_per_call_second: float
    worker_us_per_call_second: float
    kernel_share: float
    core_share: float
    idle_ms_per_second: float = NAN
    mb_per_call: float
    setup: Spread = UNMEASURED
    beat_late_p50: float = NAN
    beat_late_p99: float = NAN
    beat_late_p999: float = NAN
    send_jitter: Spread
    uplink: Spread
    downlink: Spread = UNMEASURED
    barge_in: Spread = UNMEASURED
    lost_up: int
    lost_down: int
    frames_up: int
    frames_down: int
    missing_packets: int
    filled: float = NAN
    starved: float = NAN
    skipped: float = NAN
    generator_share: float
    generator_late_p99: float
    model_share: float
    model_late_p99: float
    model_blocked: int
    machine_busy: float

    @property
    def others(self) -> float:
        """Cores that were busy with something that does not belong to the measurement; NaN if unknown."""
        return self.machine_busy - self.core_share - self.generator_share - self.model_share

    @property
    def disturbed(self) -> bool:
        """Whether the machine did so much else that the figures are too high."""
        return self.others > 0.15

    @property
    def limited_by_tools(self) -> bool:
        """Whether the load tools, and not what is measured, were at their limit."""
        return self.generator_share + self.model_share > 0.92 or self.generator_late_p99 > 10.0


@dataclass(frozen=True, slots=True)
class SetupRow:
    """Calls that are answered and hung up at once."""

    mode: str
    rate: float
    calls: int
    answered: int
    setup: Spread
    cpu_ms_per_call: float
    sip_ms_per_call: float
    worker_ms_per_call: float
    retransmissions: int
