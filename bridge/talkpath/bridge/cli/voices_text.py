"""The two voices of a call as a picture in a terminal: from its recording, else from its words."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.records.rows import Utterance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from talkpath.bridge.records.rows import FullCall

STEPS: Final = " ▁▂▃▄▅▆▇█"
QUIETEST: Final = 60.0
"""Decibels below full scale that are drawn as silence."""
COLUMNS: Final = 96
MOST_SECONDS: Final = 4 * 3600
MARK_EVERY: Final = 12
"""Columns between two times below the picture."""


def voices(full: FullCall) -> list[str]:
    """Lines of the picture; none when nothing is known of the voices."""
    seconds = (full.call.ended_at - full.call.started_at).total_seconds()
    recorded = _recorded(full.call.recording)
    if recorded is not None:
        levels, seconds = recorded
        rows = ["".join(STEPS[step] for step in row) for row in levels]
        source = "by the recording"
    elif (said := _said(full)) and seconds > 0:
        rows = [_spoken(said, who, seconds) for who in ("caller", "agent")]
        source = "by the words; where the agent's end is not known, a shadow"
    else:
        return []
    return [f"caller {rows[0]}", f"agent  {rows[1]}", f"       {_scale(seconds)}", f"       {source}"]


def _said(full: FullCall) -> list[Utterance]:
    """What was said, in the order of time; a caller whose words were not written down spoke all the same."""
    if any(one.who == "caller" for one in full.utterances):
        return full.utterances
    spoken = []
    began = None
    for moment in full.moments:
        if moment.name == "caller speaks":
            began = moment.at
        elif moment.name == "caller is silent" and began is not None:
            spoken.append(Utterance(at=began, who="caller", until=moment.at))
            began = None
    return sorted([*full.utterances, *spoken], key=lambda one: one.at)


def _recorded(path: str) -> tuple[NDArray[np.int64], float] | None:
    """Heights of both voices, (2, COLUMNS), and the length; None: there is no file that can be read."""
    if not path or not Path(path).is_file():
        return None
    try:
        with wave.open(path, "rb") as file:
            if (file.getnchannels(), file.getsampwidth()) != (2, 2):
                return None
            rate = file.getframerate()
            data = file.readframes(min(file.getnframes(), MOST_SECONDS * rate))
    except (OSError, EOFError, wave.Error):
        return None
    samples = np.frombuffer(data, "<i2").reshape(-1, 2).T
    if samples.shape[1] < COLUMNS:
        return None
    return heights(samples), samples.shape[1] / rate


def heights(samples: NDArray[np.int16]) -> NDArray[np.int64]:
    """Loudness of each column as a step of the picture.

    Args:
        samples: int16, (2, n), n at least `COLUMNS`.

    Returns:
        int64, (2, COLUMNS), 0 to 8.
    """
    width = samples.shape[1] // COLUMNS
    parts = samples[:, : width * COLUMNS].reshape(2, COLUMNS, width).astype(np.float32) / 32768.0
    loudness = 10.0 * np.log10(np.mean(parts**2, axis=2) + 1e-12)
    steps: NDArray[np.float32] = np.ceil((loudness + QUIETEST) / QUIETEST * (len(STEPS) - 1))
    bounded: NDArray[np.float32] = np.clip(steps, 0, len(STEPS) - 1)
    return bounded.astype(np.int64)


def _spoken(said: Sequence[Utterance], who: str, seconds: float) -> str:
    row = [" "] * COLUMNS
    for number, one in enumerate(said):
        if one.who != who:
            continue
        heard = one.at + one.heard_ms / 1000 if one.heard_ms is not None else one.until
        following = said[number + 1].at if number + 1 < len(said) else seconds
        first, last = _column(one.at, seconds), _column(following if heard is None else heard, seconds)
        row[first : last + 1] = ("░" if heard is None else "█") * (last + 1 - first)
    return "".join(row)


def _column(at: float, seconds: float) -> int:
    return min(COLUMNS - 1, max(0, int(at / seconds * COLUMNS)))


def _scale(seconds: float) -> str:
    marks = (seconds * column / COLUMNS for column in range(0, COLUMNS, MARK_EVERY))
    return "".join(f"{int(at) // 60}:{int(at) % 60:02d}".ljust(MARK_EVERY) for at in marks).rstrip()
