"""The call as a picture: two voices over time, what they said, who waited how long for whom."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from talkpath.bridge.demo.configuration import SILENCE_MS
from talkpath.bridge.simulator.faults import RECORDED

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from talkpath.bridge.demo.story import Gap, Story, Turn

COLOURS: Final = {"caller": "#1f6fb2", "agent": "#23855b"}
INTERRUPTION: Final = "#c2410c"
INK: Final = "#1f2937"
FAINT: Final = "#6b7280"
_ONE_BAND: Final = 8.0
"""Seconds that still fit in one band; a longer call goes on in a second one, as a text does."""
_BREATH: Final = 0.3
"""Seconds shown before the turn that opens the second band."""
_INCHES: Final = (9.0, 5.4)
_DOTS: Final = 200
"""Dots per inch: 1,800 pixels wide, crisp where a page shows it 900 wide."""
_COLUMNS: Final = 900
_CENTRE: Final = {"caller": 1.0, "agent": -1.0}
_HALF: Final = 0.62
_EDGE: Final = 0.18
"""Share of the band that a label at its right edge may take; it is set flush right there."""
_FREE: Final = 0.32
"""Share of a band that must be empty to hold the figures."""
_TOP, _BOTTOM = 2.75, -2.75
_CHARACTER: Final = 0.0076
"""Width of a character of the labels, as a share of the band."""


def draw(recording: NDArray[np.int16], rate: int, story: Story, path: Path) -> None:
    """Draw the call as a PNG.

    Args:
        recording: int16 (2, n), the caller and the agent.
        rate: samples per second.
        story: its turns must be complete.
        path: where to write it.
    """
    seconds = recording.shape[1] / rate
    band = _break(story, seconds)
    figure = Figure(figsize=_INCHES, dpi=_DOTS, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(band), 1, squeeze=False)[:, 0]
    length = max(end - start for start, end in band)
    for axis, span in zip(axes, band, strict=True):
        _Band(axis, span, recording, rate, story).draw(length)
    first = band[0][1] - band[0][0]
    if len(band) > 1 and first < (1 - _FREE) * length:
        axes[0].set_xticks(range(0, int(first) + 1, 2))
        axes[0].spines["bottom"].set_bounds(0.0, first)
        _figures(axes[0], story, (first + 0.05 * length) / length)
    axes[-1].set_xlabel("seconds", fontsize=8, color=FAINT)
    figure.suptitle(
        "One call, as the caller heard it",
        fontsize=10.5,
        color=INK,
        x=0.012,
        y=0.985,
        ha="left",
        weight="bold",
    )
    figure.text(0.988, 0.965, _subtitle(story), fontsize=7.5, color=FAINT, ha="right", va="center")
    figure.subplots_adjust(left=0.062, right=0.988, top=0.925, bottom=0.085, hspace=0.16)
    figure.savefig(path)


def _subtitle(story: Story) -> str:
    setup = f"answered {story.setup_ms:.0f} ms after the INVITE, " if story.setup_ms is not None else ""
    return f"{setup}{story.codec or 'no audio'}, simulated model"


def _figures(axis: Any, story: Story, left: float) -> None:
    """Write the figures of the call into the empty end of a band, from the share ``left`` of its width on."""
    gaps = [gap.milliseconds for gap in story.gaps() if gap.after != "key"]
    reception = story.reception
    rows = []
    if gaps:
        rows.append(("caller's last sound to answer", f"{min(gaps)} to {max(gaps)} ms"))
        rows.append(("   of it: silence the model waits for", f"{SILENCE_MS} ms"))
        rows.append(("   of it: the model until its first sound", f"{RECORDED.first_audio_ms:.0f} ms"))
    if story.barge_in_heard is not None:
        rows.append(("interruption to silence", f"{story.barge_in_heard * 1000:.0f} ms"))
    if reception is not None:
        rows.append(("RTP packets lost", f"{reception.lost} of {reception.packets:,}"))
    for index, (name, value) in enumerate(rows):
        y = 0.80 - 0.115 * index
        style = {"transform": axis.transAxes, "fontsize": 8, "va": "center"}
        axis.text(left, y, name, color=FAINT, **style)
        axis.text(0.995, y, value, color=INK, ha="right", weight="bold", **style)


def _break(story: Story, seconds: float) -> list[tuple[float, float]]:
    """Cut a call in two bands of about the same length, just before the caller's turn."""
    starts = [turn.start for turn in story.turns if turn.who == "caller" and not turn.interrupts]
    cuts = [start - _BREATH for start in starts if start > _BREATH]
    if seconds < _ONE_BAND or not cuts:
        return [(0.0, seconds)]
    cut = min(cuts, key=lambda at: max(at, seconds - at))
    return [(0.0, cut), (cut, seconds)]


class _Band:
    """One line of the picture."""

    def __init__(
        self,
        axis: Any,
        span: tuple[float, float],
        recording: NDArray[np.int16],
        rate: int,
        story: Story,
    ) -> None:
        self._axis = axis
        self._start, self._end = start, end = span
        self._recording, self._rate = recording, rate
        self._length = end - start
        self._story = story

    def draw(self, length: float) -> None:
        """Draw everything that lies in this band, on an axis of ``length`` seconds."""
        self._length = length
        self._frame()
        for turn in self._story.turns:
            if turn.end is not None and self._start <= turn.start < self._end:
                self._turn(turn)
        for channel, who in enumerate(("caller", "agent")):
            self._wave(self._recording[channel], who)
        for gap in self._story.gaps():
            if self._start <= gap.start < self._end:
                self._gap(gap)
        for press in self._story.presses:
            if self._start <= press.at < self._end:
                self._key(press.at, press.key)

    def _frame(self) -> None:
        axis = self._axis
        axis.set_xlim(self._start, self._start + self._length)
        axis.set_ylim(_BOTTOM, _TOP)
        axis.set_yticks([_CENTRE["caller"], _CENTRE["agent"]], ["caller", "agent"])
        for label, who in zip(axis.get_yticklabels(), _CENTRE, strict=True):
            label.set(color=COLOURS[who], weight="bold", fontsize=9)
        axis.tick_params(axis="both", length=0, labelsize=8, labelcolor=FAINT)
        for label, who in zip(axis.get_yticklabels(), _CENTRE, strict=True):
            label.set_color(COLOURS[who])
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
        axis.spines["bottom"].set_color("#d1d5db")

    def _turn(self, turn: Turn) -> None:
        end = turn.end or turn.start
        centre, colour = _CENTRE[turn.who], COLOURS[turn.who]
        bottom, top = centre - _HALF - 0.1, centre + _HALF + 0.1
        self._axis.fill_between([turn.start, end], bottom, top, color=colour, alpha=0.10, linewidth=0)
        self._label(turn, bottom, top)
        if turn.interrupts:
            self._interruption(turn)

    def _label(self, turn: Turn, bottom: float, top: float) -> None:
        later = [t.start for t in self._story.turns if t.who == turn.who and t.start > turn.start]
        at_the_edge = not later and self._end - turn.start < _EDGE * self._length
        room = (
            _EDGE if at_the_edge else (min([*later, self._start + self._length]) - turn.start) / self._length
        )
        lines = textwrap.wrap(turn.words, max(10, int(room / _CHARACTER)))[:3]
        place: dict[str, Any] = {"x": self._end, "ha": "right"} if at_the_edge else {"x": turn.start}
        above = {"y": top + 0.1, "va": "bottom"}
        below = {"y": bottom - 0.1, "va": "top"}
        place |= above if turn.who == "caller" else below
        self._axis.text(s="\n".join(lines), fontsize=7.5, color=INK, linespacing=1.15, **place)

    def _interruption(self, turn: Turn) -> None:
        self._axis.plot(
            [turn.start, turn.start], [_CENTRE["agent"] - _HALF, _CENTRE["caller"] + _HALF],
            color=INTERRUPTION, linewidth=1.4,
        )  # fmt: skip
        heard = self._story.barge_in_heard
        if heard is not None:
            self._axis.text(
                turn.start - 0.01 * self._length, _CENTRE["caller"],
                f"breaks in: agent\nsilent after {heard * 1000:.0f} ms",
                fontsize=7.5, color=INTERRUPTION, weight="bold", ha="right", va="center",
                bbox={"boxstyle": "square,pad=0.2", "facecolor": "white", "edgecolor": "none"},
            )  # fmt: skip

    def _gap(self, gap: Gap) -> None:
        line = {"arrowstyle": "<->", "color": FAINT, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
        self._axis.annotate("", (gap.end, 0.0), (gap.start, 0.0), arrowprops=line)
        middle = (gap.start + gap.end) / 2
        self._axis.text(
            middle, 0.1, f"{gap.milliseconds} ms", fontsize=7, color=FAINT, ha="center", va="bottom"
        )

    def _key(self, at: float, key: str) -> None:
        self._axis.text(
            at, _CENTRE["caller"], key, fontsize=9, weight="bold", color="white", ha="center", va="center",
            bbox={"boxstyle": "round,pad=0.3", "facecolor": COLOURS["caller"], "edgecolor": "none"},
        )  # fmt: skip
        self._axis.text(
            at,
            _CENTRE["caller"] + _HALF + 0.2,
            f"presses {key}",
            fontsize=7.5,
            color=INK,
            ha="left",
            va="bottom",
        )

    def _wave(self, samples: NDArray[np.int16], who: str) -> None:
        first, last = int(self._start * self._rate), int(self._end * self._rate)
        piece = samples[first:last].astype(np.float64) / 32768.0
        if not len(piece):
            return
        edges = np.linspace(0, len(piece), min(_COLUMNS, len(piece)) + 1).astype(int)[:-1]
        low, high = np.minimum.reduceat(piece, edges), np.maximum.reduceat(piece, edges)
        scale = _HALF / max(float(np.max(np.abs(samples.astype(np.int32)), initial=1)) / 32768.0, 1e-3)
        times = self._start + edges / self._rate
        centre = _CENTRE[who]
        self._axis.fill_between(
            times, centre + low * scale, centre + high * scale, color=COLOURS[who], linewidth=0.4
        )
