"""Draw how the media plane hears a caller on a bad network: ``python -m tests.impairments.picture``.

Writes ``docs/images/jitter-buffer.png``. The plane is the real one, with a clock of its own and loopback
sockets, so that the picture is the same every time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from talkpath.codecs import g711
from tests.bridge.media.phone import Line, packet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

PICTURE: Final = Path(__file__).parents[2] / "docs" / "images" / "jitter-buffer.png"
RATE: Final = 8_000
SECONDS: Final = 20.0
BAD: Final = (6.0, 11.0)
"""Seconds between which the network is bad."""
JITTER_MS: Final = (2.0, 70.0)
LOST: Final = (20, 21)
"""Frames that are lost in the close-up."""
_GREY, _BLUE, _RED, _GREEN = "#9aa0a6", "#1b6ca8", "#c8553d", "#4b8b3b"


@dataclass(slots=True)
class Course:
    """What was seen over time, in seconds and milliseconds."""

    sent: list[float] = field(default_factory=list)
    delay: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    target: list[float] = field(default_factory=list)
    concealed: list[float] = field(default_factory=list)


def follow_target() -> Course:
    """Call over a network that is bad for some seconds; note packets, target and losses."""
    line, course = Line(), Course()
    chance = Random(3)  # noqa: S311 - a pattern that can be repeated, not a secret
    lane = line.open("pcmu")
    waiting: list[tuple[float, int]] = []
    for slot in range(round(SECONDS * 50)):
        at = slot * 0.02
        most = JITTER_MS[BAD[0] <= at < BAD[1]] / 1_000
        delay = chance.uniform(0.0, most)
        course.sent.append(at)
        course.delay.append(delay * 1_000)
        waiting.append((max([at + delay, *(due for due, _ in waiting)]), slot))
    for tick in range(round(SECONDS * 200)):
        now = tick * 0.005
        while waiting and waiting[0][0] <= now:
            _, number = waiting.pop(0)
            line.say(lane, packet(bytes([number % 120]) * 160, number, 160 * number))
        before = line.count(lane, "frames_lost_filled")
        line.tick()
        course.times.append(now)
        course.target.append(line.plane.jitter_target_ms(lane))
        course.concealed += [now] * (line.count(lane, "frames_lost_filled") - before)
    line.close()
    return course


def voice(seconds: float) -> Samples:
    """A vowel whose pitch falls: harmonics under three formants."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 2 * np.pi * np.cumsum(130 - 20 * time) / RATE
    formants = ((400, 90), (1_000, 60), (2_200, 40))
    wave = np.zeros(time.size)
    for harmonic in range(1, 26):
        hertz = 125 * harmonic
        strength = sum(1 / (1 + ((hertz - centre) / width) ** 2) for centre, width in formants)
        wave += strength * np.sin(harmonic * pitch + harmonic**2 / 3)
    return np.asarray(9_000 * wave / np.abs(wave).max(), np.int16)


def conceal() -> tuple[Samples, Samples]:
    """What was said, and what the model heard of it when frames were lost."""
    line = Line()
    lane = line.open("pcmu")
    said = voice(1.2)
    codes = g711.linear_to_ulaw(said).reshape(-1, 160)

    def each(slot: int) -> None:
        if slot not in LOST and slot < len(codes):
            line.say(lane, packet(codes[slot].tobytes(), slot, 160 * slot))

    line.run(1.2, each)
    heard = g711.ulaw_to_linear(np.frombuffer(bytes(line.uplink[lane]), np.uint8))
    line.close()
    return said, heard


def draw(path: Path) -> None:
    """Draw both and save."""
    figure = Figure(figsize=(9.0, 5.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1)
    _draw_course(above, follow_target())
    _draw_concealment(below, *conceal())
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def _draw_course(axes: Any, course: Course) -> None:
    axes.scatter(course.sent, course.delay, s=4, color=_GREY, label="delay of a packet")
    axes.plot(course.times, course.target, color=_BLUE, label="how long a hole may wait")
    if course.concealed:
        height = [4.0] * len(course.concealed)
        axes.scatter(course.concealed, height, marker="|", s=60, color=_RED, label="a frame was made up")
    axes.set(ylabel="ms", xlabel="seconds of a call", xlim=(0, SECONDS), ylim=(0, None))
    axes.set_title("The jitter buffer follows the network", loc="left", fontsize=10)
    axes.legend(loc="upper right", fontsize=8, frameon=False)


def _draw_concealment(axes: Any, said: Samples, heard: Samples) -> None:
    first, last = 18 * 160, 25 * 160
    time = np.arange(first, last) / RATE * 1_000
    for number, lost in enumerate(LOST):
        label = "lost on the way" if number == 0 else None
        axes.axvspan(lost * 20, lost * 20 + 20, color=_RED, alpha=0.15, linewidth=0, label=label)
    axes.plot(time, said[first:last], color=_GREY, linewidth=0.8, label="what was said")
    axes.plot(time, heard[first:last], color=_BLUE, linewidth=0.8, label="what the model heard")
    axes.set(xlabel="ms", xlim=(time[0], time[-1]), ylim=(-13_000, 13_000), yticks=[])
    axes.set_title("Lost packets are made up from the voice around them", loc="left", fontsize=10)
    axes.legend(loc="lower right", fontsize=8, frameon=False, ncols=3)


if __name__ == "__main__":
    draw(PICTURE)
