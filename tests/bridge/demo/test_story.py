from __future__ import annotations

import pytest

from talkpath.bridge.demo import events
from talkpath.bridge.demo.story import Story, heard_part
from tests.bridge.demo.call_log import ABOUT, good_call


def test_gaps_go_from_the_end_of_each_act_to_the_answer() -> None:
    gaps = {gap.after: gap.milliseconds for gap in good_call().gaps()}
    assert gaps == {"question": 900, "long": 900, "interruption": 900, "key": 700, "goodbye": 900}


def test_what_was_understood_and_answered_is_found_by_act() -> None:
    story = good_call()
    assert story.understood("interruption") == "where is your shop"
    assert story.answers("question") == "Let me see. From nine to six, Monday to Saturday."
    assert story.answers("key") == "You pressed five."
    assert story.greeting().startswith("Hello")
    assert story.answers("nothing of the kind") == ""
    assert story.understood("nothing of the kind") == ""


def test_the_interruption_is_measured_from_the_callers_first_sound() -> None:
    assert good_call().barge_in_heard == pytest.approx(0.1)


def test_the_interrupted_answer_keeps_only_the_words_that_were_heard() -> None:
    broken = next(turn for turn in good_call().turns if turn.interrupted)
    assert broken.words.endswith("…")
    assert ABOUT.startswith(broken.words[:-1])
    assert len(broken.words) < len(ABOUT)


def test_words_go_to_the_turn_they_were_spoken_in() -> None:
    agent = [turn.words for turn in good_call().turns if turn.who == "agent"]
    assert agent[1] == "Let me see. From nine to six, Monday to Saturday."
    assert agent[-1] == "Thank you for calling. Goodbye."


def test_an_empty_story_answers_everything_with_nothing() -> None:
    story = Story()
    story.report(events.Ended(1.0, "agent"))
    story.complete()
    assert (story.gaps(), story.greeting(), story.facts()) == ([], "", {})


def test_a_short_speech_is_heard_whole() -> None:
    assert heard_part("Hello.", 3.0) == "Hello."
    assert heard_part("Hello there, everybody.", 0.7) == "Hello…"
