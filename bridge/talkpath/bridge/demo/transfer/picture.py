"""The transfer as a picture: three voices over time, and who was with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from talkpath.bridge.demo.transfer.story import RATE

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from talkpath.bridge.demo.transfer.story import TransferStory
    from talkpath.codecs.types import Samples

COLOURS: Final = {"caller": "#1f6fb2", "agent": "#23855b", "human": "#a3561b"}
INK: Final = "#1f2937"
PHASES: Final = (
    ("caller and agent", "#eef6f1", None, "choosing"),
    ("the human is called", "#f3f4f6", "choosing", "briefing"),
    ("briefing; the caller waits", "#fdf3e7", "briefing", "bridged"),
    ("caller and human", "#eaf2fa", "bridged", None),
)
"""Name, colour, and the states with which each part begins and ends."""
_COLUMNS: Final = 1200


def draw(story: TransferStory, path: Path) -> None:
    """Draw the transfer as a PNG."""
    voices = {"caller": story.said["caller"], "agent": story.agent(), "human": story.said["human"]}
    seconds = max(map(len, voices.values())) / RATE
    figure = Figure(figsize=(9.0, 4.2), dpi=200, facecolor="white")
    axes = figure.subplots(3, 1, sharex=True, gridspec_kw={"hspace": 0.0})
    for axis, (who, samples) in zip(axes, voices.items(), strict=True):
        _phases(axis, story, seconds)
        _wave(axis, samples, COLOURS[who])
        axis.set_ylabel(who, color=COLOURS[who], weight="bold", rotation=0, ha="right", va="center")
        axis.set(ylim=(-1.25, 1.25), xlim=(0, seconds), yticks=[])
        axis.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axis.tick_params(colors=INK, labelsize=8, length=0)
    _names(axes[0], story, seconds)
    axes[2].set_xlabel("seconds", fontsize=8, color=INK)
    figure.suptitle("A warm transfer, as the three of them speak", fontsize=11, weight="bold", color=INK)
    figure.subplots_adjust(left=0.09, right=0.985, top=0.86, bottom=0.12)
    FigureCanvasAgg(figure)
    figure.savefig(path)


def _spans(story: TransferStory, seconds: float) -> list[tuple[str, str, float, float]]:
    found = []
    for name, colour, first, last in PHASES:
        begin = 0.0 if first is None else story.at(first)
        end = seconds if last is None else story.at(last)
        if begin is not None and end is not None:
            found.append((name, colour, begin, end))
    return found


def _phases(axis: Axes, story: TransferStory, seconds: float) -> None:
    for _name, colour, begin, end in _spans(story, seconds):
        axis.axvspan(begin, end, color=colour, linewidth=0)


def _names(axis: Axes, story: TransferStory, seconds: float) -> None:
    for name, _colour, begin, end in _spans(story, seconds):
        if end - begin > seconds / 20:
            axis.text(
                (begin + end) / 2, 1.3, name.replace("; ", ";\n"), fontsize=7.5, color=INK, ha="center",
                va="bottom",
            )  # fmt: skip


def _wave(axis: Axes, samples: Samples, colour: str) -> None:
    if not len(samples):
        return
    piece = samples.astype(np.float64) / max(float(np.max(np.abs(samples.astype(np.int32)))), 1.0)
    edges = np.linspace(0, len(piece), min(_COLUMNS, len(piece)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(piece, edges), np.maximum.reduceat(piece, edges)
    axis.fill_between(edges / RATE, low, high, color=colour, linewidth=0.4)
