"""What happened in the demo of a transfer, and whether it is as it has to be. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.demo import events
from talkpath.bridge.demo.checks import Check, plain
from talkpath.bridge.demo.transfer.scenario import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from talkpath.bridge.demo.daemon_log import LogLine
    from talkpath.codecs.types import Samples

RATE: Final = 8000
SAME_VOICE: Final = 0.5
"""Least correlation of what one said with what the other heard; another voice stays below 0.1."""
OTHER_VOICE: Final = 0.2
BRIEFED: Final = 1.5
"""Seconds of speech that make a briefing."""
_LOUD: Final = 300


@dataclass(slots=True)
class TransferStory:
    """All that is known.

    Attributes:
        walls: Unix time of each telephone's first frame.
        steps: ``transfer_step`` lines.
        said: What each telephone said and heard, int16 at 8 kHz, on the caller's clock.
    """

    setup_ms: float | None = None
    walls: dict[str, float] = field(default_factory=dict)
    turns: list[events.Began] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    steps: list[LogLine] = field(default_factory=list)
    understood: list[LogLine] = field(default_factory=list)
    outcome: LogLine | None = None
    ended: LogLine | None = None
    trouble: list[LogLine] = field(default_factory=list)
    said: dict[str, Samples] = field(default_factory=dict)
    heard: dict[str, Samples] = field(default_factory=dict)
    exits: dict[str, int | None] = field(default_factory=dict)

    def report(self, report: events.Report) -> None:
        """Take a report of the telephones."""
        match report:
            case events.Answered(setup_ms=setup_ms):
                self.setup_ms = setup_ms
            case events.Recorded(who=who, wall=wall):
                self.walls[who] = wall
            case events.Began() if report.words:
                self.turns.append(report)
            case events.Problem(sentence=sentence):
                self.problems.append(sentence)
            case _:
                pass

    def line(self, line: LogLine) -> None:
        """Take a line of the daemon's log."""
        if line.event == "transfer_step":
            self.steps.append(line)
        elif line.event == "said" and line.facts.get("role") == "caller":
            self.understood.append(line)
        elif line.event == "transfer_ended":
            self.outcome = line
        elif line.event == "call_ended":
            self.ended = line
        if line.is_trouble:
            self.trouble.append(line)

    def at(self, state: str) -> float | None:
        """When the transfer reached a state, in seconds of the caller's recording; None: it did not."""
        found = next((line for line in self.steps if line.facts.get("state") == state), None)
        return None if found is None else found.wall - self.walls.get("caller", 0.0)

    def hear(self, who: str, said: Samples, heard: Samples) -> None:
        """Take a telephone's recording, after its beginning is known."""
        late = round((self.walls.get(who, 0.0) - self.walls.get("caller", 0.0)) * RATE)
        silence = np.zeros(max(late, 0), np.int16)
        self.said[who] = np.concatenate((silence, said))
        self.heard[who] = np.concatenate((silence, heard))

    def agent(self) -> Samples:
        """What the agent said to the two, until they were joined."""
        joined = self.at("bridged")
        until = round(joined * RATE) if joined is not None else None
        length = max(len(samples) for samples in self.said.values())
        mixed = np.zeros(length, np.int32)
        for samples in self.heard.values():
            part = samples[:until]
            mixed[: len(part)] += part
        return np.clip(mixed, -32768, 32767).astype(np.int16)


def likeness(said: Samples, heard: Samples) -> float:
    """How much the loudest second of what one said is like some second of what the other heard, 0 to 1.

    A second, because a jitter buffer may stretch or cut the pauses between words.
    """
    second = _loudest_second(said.astype(np.float64))
    listened = heard.astype(np.float64)
    if not second.any() or len(listened) < len(second):
        return 0.0
    size = 1 << (len(second) + len(listened) - 1).bit_length()
    crossed = np.fft.irfft(np.fft.rfft(listened, size) * np.conj(np.fft.rfft(second, size)), size)
    found = int(np.argmax(np.abs(crossed[: len(listened) - len(second) + 1])))
    norm = float(np.linalg.norm(second) * np.linalg.norm(listened[found : found + len(second)]))
    return float(np.abs(crossed[found])) / norm if norm else 0.0


def _loudest_second(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most one second, from where it is loudest."""
    firsts = range(0, max(len(samples) - RATE, 0) + 1, RATE // 4)
    best = max(firsts, key=lambda first: float(np.linalg.norm(samples[first : first + RATE])))
    return samples[best : best + RATE]


def check(story: TransferStory) -> list[Check]:
    """Examine the transfer."""
    return [Check(name, *examine(story)) for name, examine in _CHECKS.items()]


def _answered(story: TransferStory) -> tuple[bool, str]:
    setup = story.setup_ms
    return (setup is not None, "no answer" if setup is None else f"200 OK after {setup:.0f} ms")


def _understood(story: TransferStory) -> tuple[bool, str]:
    words = story.understood[0].words if story.understood else ""
    return words == plain(SCRIPT[0].words), f"“{words}”"


def _briefed(story: TransferStory) -> tuple[bool, str]:
    begin, end = story.at("briefing"), story.at("referring_warm")
    if begin is None or end is None:
        return False, "nobody was briefed"
    heard = _between(story.heard["human"], begin, end)
    frames = np.abs(heard[: len(heard) // 160 * 160].reshape(-1, 160).astype(np.int32)).max(axis=1)
    seconds = float(np.count_nonzero(frames > _LOUD)) * 0.02
    return seconds >= BRIEFED, f"{seconds:.1f} s of speech before the decision"


def _alone(story: TransferStory) -> tuple[bool, str]:
    begin, end = story.at("briefing"), story.at("referring_warm")
    if begin is None or end is None:
        return False, "nobody was briefed"
    alike = likeness(_between(story.heard["human"], begin, end), _between(story.heard["caller"], begin, end))
    return alike <= OTHER_VOICE, f"likeness of the two lines {alike:.2f}"


def _accepted(story: TransferStory) -> tuple[bool, str]:
    accepted = any(line.facts.get("event_name") == "accepted" for line in story.steps)
    return accepted, f"by key {SCRIPT[1].key}" if accepted else "the human did not accept"


def _joined(story: TransferStory) -> tuple[bool, str]:
    facts = story.outcome.facts if story.outcome is not None else {}
    return facts.get("reason") == "bridged", f"{facts.get('outcome')}, {facts.get('reason')}"


def _hears(speaker: str, listener: str) -> Callable[[TransferStory], tuple[bool, str]]:
    def examine(story: TransferStory) -> tuple[bool, str]:
        begin = story.at("bridged")
        if begin is None:
            return False, "they were never joined"
        alike = likeness(
            _between(story.said[speaker], begin, None), _between(story.heard[listener], begin, None)
        )
        return alike >= SAME_VOICE, f"likeness {alike:.2f}"

    return examine


def _ended(story: TransferStory) -> tuple[bool, str]:
    facts = story.ended.facts if story.ended is not None else {}
    return facts.get("outcome") == "transferred", f"{facts.get('outcome')}, {facts.get('talk_seconds')} s"


def _no_errors(story: TransferStory) -> tuple[bool, str]:
    trouble = [*story.problems, *(line.describe() for line in story.trouble)]
    trouble += [f"{who} ended with {code}" for who, code in story.exits.items() if code != 0]
    return not trouble, "; ".join(trouble[:3]) or "no warning in any log"


def _between(samples: Samples, begin: float, end: float | None) -> Samples:
    return samples[max(0, round(begin * RATE)) : None if end is None else round(end * RATE)]


_CHECKS: Final[dict[str, Callable[[TransferStory], tuple[bool, str]]]] = {
    "the call was answered": _answered,
    "the agent understood the wish": _understood,
    "the human was briefed": _briefed,
    "the caller did not hear the briefing": _alone,
    "the human took the call": _accepted,
    "the two were joined": _joined,
    "the caller hears the human": _hears("human", "caller"),
    "the human hears the caller": _hears("caller", "human"),
    "the call ended as a transfer": _ended,
    "nothing went wrong": _no_errors,
}
