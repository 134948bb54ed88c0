from __future__ import annotations

import pytest

from talkpath.bridge.demo.scenario import PATIENCE, SCRIPT, Act, AgentHeard, Caller, GaveUpError
from talkpath.bridge.simulator.grammar import understand

SILENT = AgentHeard()


def test_the_caller_waits_until_the_greeting_is_over() -> None:
    caller = Caller()
    assert caller.next_act(0.1, SILENT) is None
    assert caller.next_act(1.0, AgentHeard(True, 0.5)) is None
    assert caller.next_act(3.0, AgentHeard(False, 0.5)) is SCRIPT[0]


def test_an_answer_counts_only_when_it_began_after_the_question() -> None:
    caller = Caller([Act("first", words="one"), Act("second", words="two")])
    first = caller.next_act(3.0, AgentHeard(False, 0.5))
    assert first is not None
    caller.done(first, 4.0)
    assert caller.next_act(4.1, AgentHeard(False, 0.5)) is None
    second = caller.next_act(6.0, AgentHeard(False, 4.8))
    assert second is not None
    assert second.name == "second"


def test_an_interruption_comes_in_the_middle_and_never_after_the_end() -> None:
    caller = Caller([Act("break", words="stop", interrupts_after=2.0)])
    assert caller.next_act(2.9, AgentHeard(True, 1.0)) is None
    assert caller.next_act(3.5, AgentHeard(False, 1.0)) is None
    assert caller.next_act(3.1, AgentHeard(True, 1.0)) is not None


def test_who_hears_nothing_gives_up_and_says_what_was_expected() -> None:
    caller = Caller([Act("only", words="Hello?")])
    with pytest.raises(GaveUpError, match="did not speak within 12 s after the call was answered"):
        caller.next_act(PATIENCE + 0.1, SILENT)
    caller = Caller([])
    caller.done(Act("key", key="5"), 1.0)
    with pytest.raises(GaveUpError, match="did not hang up within 12 s after the key 5 was pressed"):
        caller.next_act(PATIENCE + 1.1, SILENT)


def test_a_long_answer_is_no_reason_to_give_up() -> None:
    caller = Caller([])
    assert caller.next_act(100.0, AgentHeard(True, 1.0)) is None


def test_every_sentence_of_the_script_is_in_the_agents_grammar() -> None:
    assert all(understand(act.words) for act in SCRIPT if act.words)
