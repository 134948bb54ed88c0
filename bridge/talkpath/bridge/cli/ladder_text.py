"""The ladder and the transcript of a call as tables for a terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from .calls import plain

if TYPE_CHECKING:
    from talkpath.bridge.records.rows import FullCall, Moment, Utterance

TELEPHONE: Final = frozenset({"sip", "media"})
"""Parties whose steps stand on the left, between the telephone and us; the model's stand on the right."""


def ladder(full: FullCall) -> Table | None:
    """Steps of SIP and media on the left, of the model on the right, what we did ourselves in between."""
    if not full.moments:
        return None
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("seconds", justify="right")
    for name in ("telephone", "Talkpath", "model", ""):
        table.add_column(name)
    for moment in full.moments:
        left, middle, right = _columns(moment)
        table.add_row(f"{moment.at:.3f}", left, middle, right, Text(plain(moment.detail), style="dim"))
    return table


def _columns(moment: Moment) -> tuple[Text, Text, Text]:
    name, empty = plain(moment.name), Text()
    if moment.party in TELEPHONE:
        return _arrow(name, towards_us=moment.direction == "in", both=not moment.direction), empty, empty
    if moment.party == "model":
        return (
            empty,
            empty,
            _arrow(name, towards_us=moment.direction == "in", both=not moment.direction, left=True),
        )
    return empty, Text(name), empty


def _arrow(name: str, *, towards_us: bool, both: bool, left: bool = False) -> Text:
    """The name with an arrow that points to us or away; ``left``: we stand on the left of it."""
    if both:
        return Text(f"── {name} ──")
    points_left = towards_us == left
    style = "green" if towards_us else "blue"
    return Text(f"◀─ {name}" if points_left else f"{name} ─▶", style=style)


def transcript(full: FullCall) -> Table | None:
    """Who said what, and what of it was heard."""
    if not full.utterances:
        return None
    table = Table(box=None, pad_edge=False, show_header=False)
    for utterance in full.utterances:
        who = Text(utterance.who, style="green" if utterance.who == "caller" else "blue")
        words = Text(plain(utterance.text))
        words.append(_interruption(utterance), style="dim")
        table.add_row(Text(f"{utterance.at:9.3f}"), who, words)
    return table


def _interruption(utterance: Utterance) -> str:
    if utterance.heard_ms is None or utterance.length_ms is None:
        return ""
    if not utterance.heard_ms:
        return "  (interrupted: not heard)"
    return f"  (interrupted after {utterance.heard_ms / 1000:.1f} of {utterance.length_ms / 1000:.1f} s)"
