"""The call in the terminal while it happens: what is said, by whom, when, and a line that breathes below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.live import Live
from rich.table import Table
from rich.text import Text

from talkpath.bridge.demo import events
from talkpath.bridge.demo.story import heard_part

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.console import Console

    from talkpath.bridge.demo.daemon_log import LogLine
    from talkpath.bridge.demo.story import Story

STYLES: Final = {"caller": "bold cyan", "agent": "bold green"}
_QUIETEST, _LOUDEST, _METER = -60.0, -10.0, 14
_MOST_TROUBLE: Final = 5
"""Complaints of the daemon that are shown; the rest is in its log."""
_SIGNAL: Final = "yellow"


class LiveView:
    """Prints one line for each thing that happens, and meters below them on a terminal.

    Args:
        console: where to.
        story: what happened so far; told about everything before this view is.
    """

    def __init__(self, console: Console, story: Story) -> None:
        self._console = console
        self._story = story
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.update(Text(""), refresh=True)
            self._live.stop()

    def report(self, report: events.Report) -> None:
        """Show a report of the caller."""
        match report:
            case events.RecordingBegan(codec=codec):
                setup = self._story.setup_ms or 0.0
                self._note(0.0, f"answered after {setup:.0f} ms, {codec}")
            case events.Began(at=at, who="caller", words=words, interrupts=interrupts):
                if interrupts:
                    self._note(at, "the caller interrupts", style=_SIGNAL)
                self._said(at, "caller", words)
            case events.Began(at=at, who="agent"):
                self._answer_began(at)
            case events.Ended(at=at, who="agent"):
                self._maybe_broken_off(at)
            case events.Pressed(at=at, key=key):
                self._note(at, f"the caller presses {key}", style=_SIGNAL)
            case events.Problem(at=at, sentence=sentence):
                self._note(at, sentence, style="bold red")
            case events.HungUp(at=at, by=by):
                self._note(at, f"the {by} hangs up")
            case events.Levels() if self._live.is_started:
                self._live.update(self._meters(report), refresh=True)
            case _:
                pass

    def line(self, line: LogLine) -> None:
        """Show a line of the daemon's log, when it tells something."""
        at = self._story.at(line)
        if line.event == "said" and line.facts.get("role") == "agent":
            self._said(at, "agent", self._so_far(line))
        elif line.event == "said":
            self._note(at, f"understood: {line.words}")
        elif line.event == "tool_called":
            self._note(at, f"the agent calls {line.facts.get('tool')}()", style="magenta")
        elif line.event == "barge_in":
            stop = float(line.facts.get("stop_ms", 0.0))
            self._note(at, f"playout stopped {stop:.1f} ms after the model noticed", style=_SIGNAL)
        elif line.is_trouble and len(self._story.trouble) <= _MOST_TROUBLE:
            self._note(at, line.describe(), style="red")

    def _so_far(self, line: LogLine) -> str:
        """The words; those of a speech that is being broken off only as far as they were heard."""
        broken = next((t for t in reversed(self._story.turns) if t.who == "agent"), None)
        if broken is None or not broken.interrupted:
            return line.words
        until = broken.end if broken.end is not None else self._story.at(line)
        return (
            heard_part(line.words, until - broken.start) if self._story.at(line) < until + 0.5 else line.words
        )

    def _answer_began(self, at: float) -> None:
        gap = next((gap for gap in self._story.gaps() if gap.end == at), None)
        if gap is not None:
            self._note(at, f"the answer begins {gap.milliseconds} ms after the caller's last sound")

    def _maybe_broken_off(self, at: float) -> None:
        turn = next((t for t in self._story.turns if t.who == "agent" and t.end == at), None)
        heard = self._story.barge_in_heard
        if turn is not None and turn.interrupted and heard is not None:
            self._note(at, f"the agent is silent {heard * 1000:.0f} ms after that", style=_SIGNAL)

    def _said(self, at: float, who: str, words: str) -> None:
        row = _row()
        row.add_row(_clock(at), Text(who, STYLES[who]), Text(words))
        self._console.print(row)

    def _note(self, at: float, words: str, style: str = "dim") -> None:
        row = _row()
        row.add_row(_clock(at), "", Text(words, style))
        self._console.print(row)

    def _meters(self, levels: events.Levels) -> Table:
        row = _row()
        meters = Text()
        for who, level in (("caller", levels.caller), ("agent", levels.agent)):
            filled = round(_METER * min(1.0, max(0.0, (level - _QUIETEST) / (_LOUDEST - _QUIETEST))))
            meters.append(f"{who} ", STYLES[who])
            meters.append("█" * filled, STYLES[who])
            meters.append("·" * (_METER - filled) + "   ", "dim")
        row.add_row(_clock(levels.at), Text("on the line", "dim"), meters)
        return row


def _row() -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=7, justify="right")
    row.add_column(width=11)
    row.add_column()
    return row


def _clock(at: float) -> Text:
    return Text(f"{max(0.0, at):6.2f}", "dim")
