"""What happened in the call, put together from the caller's reports and the daemon's log.

Pure: it is told, and can be asked. Positions are seconds of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from talkpath.bridge.demo import events

if TYPE_CHECKING:
    from talkpath.bridge.demo.daemon_log import LogLine

CHARACTERS_PER_SECOND: Final = 15.0
"""Pace of the agent's voice, to estimate how far an interrupted sentence got."""


@dataclass(slots=True)
class Turn:
    """One stretch of speech, as it was heard at the caller's end.

    Attributes:
        act: name of the caller's act; empty for the agent.
        words: what the caller said, or what the model says that its agent said.
        interrupts: the caller broke in.
        interrupted: the agent was broken off.
    """

    who: events.Who
    start: float
    end: float | None = None
    act: str = ""
    words: str = ""
    interrupts: bool = False
    interrupted: bool = False

    @property
    def seconds(self) -> float:
        """How long it lasted, 0 while it lasts."""
        return 0.0 if self.end is None else self.end - self.start


@dataclass(frozen=True, slots=True)
class Gap:
    """Silence between the end of the caller's act and the beginning of the agent's answer."""

    after: str
    start: float
    end: float

    @property
    def milliseconds(self) -> int:
        """Its length."""
        return round((self.end - self.start) * 1000)


@dataclass(slots=True)
class Story:
    """Everything known about the call.

    Attributes:
        barge_in_heard: seconds from the caller's first sound to the last one of the agent.
        said: ``said`` lines of the daemon, in order.
        ended: the daemon's canonical line of the call.
        trouble: lines of the daemon at warning and above.
    """

    stack: str = ""
    setup_ms: float | None = None
    codec: str = ""
    wall: float = 0.0
    turns: list[Turn] = field(default_factory=list)
    presses: list[events.Pressed] = field(default_factory=list)
    levels: events.Levels | None = None
    reception: events.Reception | None = None
    hung_up: events.HungUp | None = None
    problems: list[str] = field(default_factory=list)
    barge_in_heard: float | None = None
    said: list[LogLine] = field(default_factory=list)
    barge_ins: list[LogLine] = field(default_factory=list)
    tools: list[LogLine] = field(default_factory=list)
    ended: LogLine | None = None
    trouble: list[LogLine] = field(default_factory=list)

    # What happens -----------------------------------------------------------------------------------

    def report(self, report: events.Report) -> None:
        """Take a report of the caller."""
        match report:
            case events.Prepared(stack=stack):
                self.stack = stack
            case events.Answered(setup_ms=setup_ms):
                self.setup_ms = setup_ms
            case events.RecordingBegan(wall=wall, codec=codec):
                self.wall, self.codec = wall, codec
            case events.Began():
                self._began(report)
            case events.Ended():
                self._ended(report)
            case events.Pressed():
                self.presses.append(report)
            case events.Levels():
                self.levels = report
            case events.Reception():
                self.reception = report
            case events.HungUp():
                self.hung_up = report
            case events.Problem(sentence=sentence):
                self.problems.append(sentence)

    def line(self, line: LogLine) -> None:
        """Take a line of the daemon's log."""
        kept = {"said": self.said, "barge_in": self.barge_ins, "tool_called": self.tools}.get(line.event)
        if kept is not None:
            kept.append(line)
        if line.event == "call_ended":
            self.ended = line
        if line.is_trouble:
            self.trouble.append(line)

    def _began(self, report: events.Began) -> None:
        turn = Turn(report.who, report.at, None, report.act, report.words, report.interrupts)
        if report.interrupts:
            broken = self._open("agent")
            if broken is not None:
                broken.interrupted = True
        self.turns.append(turn)

    def _ended(self, report: events.Ended) -> None:
        turn = self._open(report.who)
        if turn is None:
            return
        turn.end = report.at
        if turn.interrupted and self.barge_in_heard is None:
            breaking = next((t for t in self.turns if t.interrupts), None)
            if breaking is not None:
                self.barge_in_heard = max(0.0, report.at - breaking.start)

    def _open(self, who: events.Who) -> Turn | None:
        return next((t for t in reversed(self.turns) if t.who == who and t.end is None), None)

    # What can be asked --------------------------------------------------------------------------------

    def at(self, line: LogLine) -> float:
        """Where in the recording a line of the log belongs."""
        return line.wall - self.wall

    def understood(self, act: str) -> str:
        """What the model understood of what the caller said in an act; empty when nothing."""
        wanted = [t for t in self.turns if t.who == "caller"]
        heard = [line.words for line in self.said if line.facts.get("role") == "caller"]
        index = next((i for i, turn in enumerate(wanted) if turn.act == act), None)
        return heard[index] if index is not None and index < len(heard) else ""

    def answers(self, act: str) -> str:
        """What the agent said after an act and before the next one, as the model tells it."""
        spans = self._acts()
        for index, (name, _end, _start) in enumerate(spans):
            if name == act:
                begin = spans[index][1]
                until = spans[index + 1][2] if index + 1 < len(spans) else float("inf")
                lines = [line for line in self._agent_lines() if begin <= self.at(line) < until]
                return " ".join(line.words for line in lines)
        return ""

    def greeting(self) -> str:
        """What the agent said before the caller did anything."""
        first = min((start for _, _, start in self._acts()), default=float("inf"))
        return " ".join(line.words for line in self._agent_lines() if self.at(line) < first)

    def gaps(self) -> list[Gap]:
        """The response gaps, in order."""
        found = []
        for name, end, _ in self._acts():
            starts = [t.start for t in self.turns if t.who == "agent" and t.start >= end]
            if starts:
                found.append(Gap(name, end, min(starts)))
        return found

    def _acts(self) -> list[tuple[str, float, float]]:
        """Name, end and start of each of the caller's acts that are over, in order."""
        spoken = [(t.act, t.end, t.start) for t in self.turns if t.who == "caller" and t.end is not None]
        pressed = [("key", press.at, press.at) for press in self.presses]
        return sorted([*spoken, *pressed], key=lambda act: act[1])

    def _agent_lines(self) -> list[LogLine]:
        return [line for line in self.said if line.facts.get("role") == "agent"]

    def complete(self) -> None:
        """The call is over: give the agent's turns their words, cut where they were broken off."""
        agent = [turn for turn in self.turns if turn.who == "agent"]
        for line in self._agent_lines() if agent else ():
            at = self.at(line)
            nearest = min(agent, key=lambda turn: max(0.0, turn.start - at, at - (turn.end or turn.start)))
            nearest.words = f"{nearest.words} {line.words}".strip()
        for turn in agent:
            if turn.interrupted:
                turn.words = heard_part(turn.words, turn.seconds)

    def facts(self) -> dict[str, Any]:
        """The canonical line's facts; empty when the call never ended."""
        return self.ended.facts if self.ended is not None else {}


def heard_part(words: str, seconds: float) -> str:
    """Estimate the beginning of an interrupted speech that was heard, cut between words."""
    cut = words[: int(seconds * CHARACTERS_PER_SECOND)]
    if len(cut) == len(words):
        return words
    return f"{cut.rpartition(' ')[0] or cut}…"
