from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.demo import events
from talkpath.bridge.demo.checks import Evidence, check
from talkpath.bridge.demo.story import Story
from tests.bridge.demo.call_log import evidence, good_call, line

if TYPE_CHECKING:
    from collections.abc import Callable


def failed(found: Evidence) -> list[str]:
    return [each.name for each in check(found) if not each.passed]


def test_a_good_call_passes_every_check() -> None:
    assert failed(evidence()) == []


def test_no_call_at_all_fails_all_but_the_exits() -> None:
    assert len(failed(Evidence(Story(), None, 0, 0))) == 10


def with_facts(**changed: Any) -> Callable[[Story], None]:
    return lambda story: story.facts().update(changed)


def forget_greeting(story: Story) -> None:
    story.turns.pop(0)
    story.said.pop(0)


def misunderstand(story: Story) -> None:
    heard = next(each for each in story.said if each.facts["role"] == "caller")
    heard.facts["pii_text"] = "what are your prices"


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (forget_greeting, "the agent greeted"),
        (misunderstand, "the caller was understood"),
        (lambda story: story.said.pop(2), "the questions were answered"),
        (lambda story: setattr(story, "barge_in_heard", 0.9), "the interruption was heard"),
        (lambda story: story.barge_ins.clear(), "the playout stopped at once"),
        (
            lambda story: story.barge_ins.append(line(1.0, "barge_in", stop_ms=0)),
            "the playout stopped at once",
        ),
        (lambda story: story.barge_ins[0].facts.update(stop_ms=700.0), "the playout stopped at once"),
        (with_facts(digits=0), "the key press arrived"),
        (with_facts(cause="caller_hung_up"), "the agent said goodbye and hung up"),
        (
            lambda story: setattr(story, "hung_up", events.HungUp(9.0, "caller", 200, "")),
            "the agent said goodbye and hung up",
        ),
        (with_facts(frames_starved=3), "the voice had no gaps"),
        (
            lambda story: setattr(story, "reception", events.Reception(1.0, 50, 1, 0, 0.0)),
            "the voice had no gaps",
        ),
        (lambda story: story.trouble.append(line(1.0, "call_broke", "error")), "nothing went wrong"),
        (lambda story: story.problems.append("It rained."), "nothing went wrong"),
    ],
)
def test_one_fault_fails_its_own_check(spoil: Callable[[Story], Any], name: str) -> None:
    story = good_call()
    spoil(story)
    assert failed(evidence(story)) == [name]


@pytest.mark.parametrize("remembered", [None, 9.0])
def test_the_model_must_remember_what_was_heard(remembered: float | None) -> None:
    found = dataclasses.replace(evidence(), remembered=remembered)
    assert failed(found) == ["the model knows what was heard"]


def test_a_process_that_crashes_at_its_end_is_noticed() -> None:
    found = check(dataclasses.replace(evidence(), caller_exit=-6))
    assert found[-1].detail == "the caller ended with -6"
    assert not found[-1].passed
