"""Was it a good call? One check for each thing that a person at the telephone would notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from talkpath.bridge.demo.configuration import GREETING
from talkpath.bridge.demo.scenario import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.demo.story import Story

LONGEST_BARGE_IN: Final = 0.4
"""Seconds: 60 ms until the model's detector is sure, the two jitter buffers, and a busy machine."""
LONGEST_STOP_MS: Final = 20.0
"""From reading ``speech_started`` to the last frame sent, the project's own budget."""
MEMORY_TOLERANCE: Final = 0.25
"""Seconds between what the model remembers of the broken-off answer and what was heard of it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One result. ``detail`` says what was seen, in words."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the checks look at.

    Attributes:
        remembered: seconds of the broken-off answer that the model believes it said; None when unknown.
        daemon_exit: exit code of the daemon.
        caller_exit: exit code of the caller.
    """

    story: Story
    remembered: float | None
    daemon_exit: int | None
    caller_exit: int | None


def check(evidence: Evidence) -> list[Check]:
    """Examine the call."""
    return [Check(name, *examine(evidence)) for name, examine in _CHECKS.items()]


def _answered(evidence: Evidence) -> tuple[bool, str]:
    setup = evidence.story.setup_ms
    return (setup is not None, "no answer" if setup is None else f"200 OK after {setup:.0f} ms")


def _greeted(evidence: Evidence) -> tuple[bool, str]:
    story = evidence.story
    first = story.turns[0] if story.turns else None
    heard = first is not None and first.who == "agent" and first.seconds > 1.0
    words = story.greeting()
    return heard and words == GREETING, f"“{words}”" if heard else "nothing was heard"


def _understood(evidence: Evidence) -> tuple[bool, str]:
    wrong = []
    for act in SCRIPT:
        understood = evidence.story.understood(act.name)
        if act.words and understood != plain(act.words):
            wrong.append(f"“{act.words}” was understood as “{understood}”")
    spoken = sum(bool(act.words) for act in SCRIPT)
    return not wrong, "; ".join(wrong) or f"{spoken} of {spoken} sentences, word for word"


def _replied(evidence: Evidence) -> tuple[bool, str]:
    expected = {"question": "nine to six", "interruption": "River Street"}
    for act, words in expected.items():
        answer = evidence.story.answers(act)
        if words not in answer:
            return False, f"the answer to “{act}” lacks “{words}”: “{answer}”"
    return True, "hours and address, from Python functions"


def _stopped(evidence: Evidence) -> tuple[bool, str]:
    story = evidence.story
    heard = story.barge_in_heard
    broken = next((turn for turn in story.turns if turn.interrupted), None)
    if heard is None or broken is None:
        return False, "the caller never came to interrupt"
    return heard <= LONGEST_BARGE_IN, f"silent {heard * 1000:.0f} ms after the first sound"


def _stopped_at_once(evidence: Evidence) -> tuple[bool, str]:
    stops = [float(line.facts["stop_ms"]) for line in evidence.story.barge_ins]
    if len(stops) != 1:
        return False, f"{len(stops)} interruptions were noticed, not one"
    return stops[0] <= LONGEST_STOP_MS, f"{stops[0]:.1f} ms after the model's notice"


def _remembers(evidence: Evidence) -> tuple[bool, str]:
    broken = next((turn for turn in evidence.story.turns if turn.interrupted), None)
    if broken is None or evidence.remembered is None:
        return False, "no broken-off answer in the model's memory"
    apart = abs(evidence.remembered - broken.seconds)
    detail = f"{evidence.remembered:.2f} s remembered, {broken.seconds:.2f} s heard"
    return apart <= MEMORY_TOLERANCE, detail


def _key(evidence: Evidence) -> tuple[bool, str]:
    answer = evidence.story.answers("key")
    digits = evidence.story.facts().get("digits", 0)
    if digits != 1:
        return False, f"{digits} digits arrived, not one"
    return "five" in answer, f"“{answer}”"


def _goodbye(evidence: Evidence) -> tuple[bool, str]:
    story, facts = evidence.story, evidence.story.facts()
    words = story.answers("goodbye")
    if "oodbye" not in words:
        return False, f"no goodbye in “{words}”"
    if story.hung_up is None or story.hung_up.by != "agent" or facts.get("cause") != "agent_hung_up":
        return False, f"the call ended by {facts.get('ended_by')}, cause {facts.get('cause')}"
    return True, f"“{words}”, then BYE"


def _voice(evidence: Evidence) -> tuple[bool, str]:
    facts, reception = evidence.story.facts(), evidence.story.reception
    if reception is None or not facts:
        return False, "nothing was counted"
    counted = {name: int(facts.get(name, -1)) for name in ("frames_starved", "rtp_lost", "rtp_malformed")}
    counted |= {"lost on the way back": reception.lost, "discarded by the caller": reception.discarded}
    bad = {name: count for name, count in counted.items() if count}
    packets = f"{reception.packets} packets, none lost, jitter {reception.jitter_ms:.1f} ms"
    return not bad, ", ".join(f"{name} {count}" for name, count in bad.items()) or packets


def _no_errors(evidence: Evidence) -> tuple[bool, str]:
    trouble = [*evidence.story.problems, *(line.describe() for line in evidence.story.trouble)]
    exits = {"daemon": evidence.daemon_exit, "caller": evidence.caller_exit}
    trouble += [f"the {who} ended with {code}" for who, code in exits.items() if code != 0]
    return not trouble, "; ".join(trouble[:3]) or "no warning in any log"


def plain(sentence: str) -> str:
    """Return a sentence as the recogniser writes it: lower case, no punctuation."""
    return "".join(c for c in sentence.lower() if c.isalpha() or c == " ")


_CHECKS: Final[dict[str, Callable[[Evidence], tuple[bool, str]]]] = {
    "the call was answered": _answered,
    "the agent greeted": _greeted,
    "the caller was understood": _understood,
    "the questions were answered": _replied,
    "the interruption was heard": _stopped,
    "the playout stopped at once": _stopped_at_once,
    "the model knows what was heard": _remembers,
    "the key press arrived": _key,
    "the agent said goodbye and hung up": _goodbye,
    "the voice had no gaps": _voice,
    "nothing went wrong": _no_errors,
}
