"""What happens in one call, noted while it lives; bounded in size however long it lasts.

Pure but for the clock that it is given. A worker keeps one journal per call when records are stored, and
takes `Journal.parts` when the call is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from .bounded import Bounded
from .rows import Leg, Moment, ToolRun, Turn, Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .rows import Direction, Party, Who

MOMENT_OCTETS: Final = 192 * 1024
UTTERANCE_OCTETS: Final = 384 * 1024
TOOL_OCTETS: Final = 96 * 1024
TURN_OCTETS: Final = 48 * 1024
MAX_TEXT: Final = 4_000
"""Characters of one utterance: some five minutes of speech without a pause."""
MAX_DETAIL: Final = 300
MAX_NAME: Final = 80
MAX_ARGUMENTS: Final = 2_000
MAX_LEGS: Final = 20
MAX_OPEN: Final = 64
"""Utterances that may change at one time, and tools that may run; more are a server's mistake."""
ROW: Final = 48
"""Octets of a row without its texts, about."""


class Journal:
    """Moments, words, turns and tools of one call.

    Args:
        clock: Monotonic seconds.
        transcripts: Whether what is said is kept.
        arguments: Whether arguments of tools are kept.
    """

    def __init__(
        self, clock: Callable[[], float], *, transcripts: bool = True, arguments: bool = False
    ) -> None:
        self._clock = clock
        self._began = clock()
        self._transcripts = transcripts
        self._arguments = arguments
        self._legs: dict[str, Leg] = {}
        self._moments: Bounded[Moment] = Bounded(
            MOMENT_OCTETS, lambda one: ROW + _octets(one.name, one.detail)
        )
        self._utterances: Bounded[Utterance] = Bounded(UTTERANCE_OCTETS, lambda one: ROW + _octets(one.text))
        self._turns: Bounded[Turn] = Bounded(TURN_OCTETS, lambda _one: ROW)
        self._tools: Bounded[ToolRun] = Bounded(
            TOOL_OCTETS, lambda one: ROW + _octets(one.name, one.arguments)
        )
        self._open: dict[str, Utterance] = {}
        self._running: list[ToolRun] = []

    @property
    def transcripts(self) -> bool:
        """Whether what is said is kept."""
        return self._transcripts

    @property
    def now(self) -> float:
        """Seconds since the call began."""
        return round(self._clock() - self._began, 4)

    # Legs and moments -----------------------------------------------------------------------------

    def leg(self, key: str, role: str, **facts: Any) -> None:
        """Open a leg, or add facts to it.

        Args:
            key: Names the leg among those of the call, for example our id of its dialog.
            role: ``caller``, ``callee`` or ``consult``.
            facts: Fields of `Leg`.
        """
        if key not in self._legs:
            if len(self._legs) >= MAX_LEGS:
                return
            self._legs[key] = Leg(role=role, at=self.now)
        for name, value in facts.items():
            setattr(self._legs[key], name, value[:MAX_DETAIL] if isinstance(value, str) else value)

    def moment(self, party: Party, direction: Direction, name: str, detail: str = "") -> None:
        """Note a step of the ladder. ``detail`` must not hold words, numbers or keys of the caller."""
        name, detail = name[:MAX_NAME], detail[:MAX_DETAIL]
        self._moments.add(Moment(at=self.now, party=party, direction=direction, name=name, detail=detail))

    # Words ----------------------------------------------------------------------------------------

    def begins(self, item: str, who: Who) -> None:
        """Somebody begins to speak; the words come later. Again: nothing happens."""
        if item in self._open:
            return
        self._open[item] = Utterance(at=self.now, who=who)
        if len(self._open) > MAX_OPEN:
            self._close(next(iter(self._open)))

    def stops(self, item: str) -> None:
        """The caller stopped."""
        if item in self._open:
            self._open[item].until = self.now

    def piece(self, item: str, who: Who, text: str) -> None:
        """Words of an utterance that goes on."""
        self.begins(item, who)
        if self._transcripts and len(self._open[item].text) < MAX_TEXT:
            self._open[item].text += text[:MAX_TEXT]

    def said(self, item: str, who: Who, text: str) -> None:
        """The whole text of an utterance. It may still be interrupted."""
        self.begins(item, who)
        if self._transcripts:
            self._open[item].text = text[:MAX_TEXT]

    def interrupted(self, item: str, heard_ms: int, length_ms: int) -> None:
        """The caller interrupted: ``heard_ms`` of the ``length_ms`` that had come were heard."""
        if item in self._open:
            self._open[item].heard_ms, self._open[item].length_ms = heard_ms, length_ms

    def _close(self, item: str) -> None:
        utterance = self._open.pop(item)
        utterance.text = utterance.text[:MAX_TEXT].strip()
        if utterance.text:
            self._utterances.add(utterance)

    # Turns and tools ------------------------------------------------------------------------------

    def turn(self, latency: float) -> None:
        """The agent's first audio after the caller spoke is on the wire."""
        self._turns.add(Turn(at=self.now, latency=round(latency, 4)))

    def tool_begins(self, name: str, arguments: Mapping[str, Any]) -> None:
        """The model calls a function."""
        text = msgspec.json.encode(arguments).decode()[:MAX_ARGUMENTS] if self._arguments else ""
        run = ToolRun(at=self.now, name=name[:MAX_NAME], arguments=text)
        self._tools.add(run)
        self._running = [*self._running[-MAX_OPEN:], run]

    def tool_ends(self, name: str, outcome: str) -> None:
        """The oldest unfinished run of this function has ended."""
        for run in self._running:
            if run.name == name[:MAX_NAME]:
                run.outcome, run.seconds = outcome, round(self.now - run.at, 4)
                self._running.remove(run)
                return

    # The end --------------------------------------------------------------------------------------

    def parts(self) -> dict[str, list[Any]]:
        """What was noted, by the names of `FullCall`; the journal is closed."""
        for item in list(self._open):
            self._close(item)
        return {
            "legs": list(self._legs.values()),
            "moments": self._all_moments(),
            "utterances": sorted(self._utterances.items(), key=lambda one: one.at),
            "turns": self._turns.items(),
            "tools": self._tools.items(),
        }

    def _all_moments(self) -> list[Moment]:
        """The steps, and a word where some are missing."""
        moments, gap, count = self._moments.items(), self._moments.gap, self._moments.left_out
        if count:
            at = moments[min(gap, len(moments) - 1)].at
            moments.insert(gap, Moment(at=at, party="call", name="…", detail=f"{count} steps are left out"))
        return moments

    def left_out(self) -> dict[str, int]:
        """How many of each were too much to keep; only those that were."""
        kept: dict[str, Bounded[Any]] = {
            "moments": self._moments,
            "utterances": self._utterances,
            "turns": self._turns,
            "tools": self._tools,
        }
        return {name: bounded.left_out for name, bounded in kept.items() if bounded.left_out}


def _octets(*texts: str) -> int:
    """About what a row with these texts takes."""
    return ROW + sum(len(text.encode(errors="replace")) for text in texts)
