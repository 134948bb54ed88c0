"""What was said, as heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.realtime.effects import SeedMessage
from talkpath.bridge.realtime.history import MAX_ENTRIES, MAX_TEXT, History


def test_lines_stand_in_the_order_of_their_items_not_of_their_words() -> None:
    history = History()
    history.open("u", "user")
    history.open("a", "assistant")
    history.add("a", "Good ")
    history.set("u", "user", "Hello")
    history.add("a", "day")
    assert history.seed({}) == [SeedMessage("user", "Hello"), SeedMessage("assistant", "Good day")]


def test_lines_without_words_are_left_out() -> None:
    history = History()
    history.open("u", "user")
    history.open("", "user")
    history.add("unknown", "x")
    assert history.seed({}) == []


def test_an_interrupted_line_ends_between_words() -> None:
    history = History()
    history.set("a", "assistant", "alpha beta gamma delta")
    history.truncate("a", 0.55)
    assert history.seed({}) == [SeedMessage("assistant", "alpha beta…")]


def test_words_that_were_ahead_of_the_sound_are_not_taken_for_heard() -> None:
    history = History()
    history.set("a", "assistant", "alpha beta gamma delta")
    assert history.seed({"a": 12}) == [SeedMessage("assistant", "alpha beta…")]
    assert history.seed({"a": 99}) == [SeedMessage("assistant", "alpha beta gamma delta…")]
    assert history.seed({"a": 0}) == []
    history.truncate("a", 0.9, most=6)
    assert history.seed({}) == [SeedMessage("assistant", "alpha…")]


def test_late_words_do_not_bring_back_what_was_not_heard() -> None:
    history = History()
    history.open("a", "assistant")
    history.remove("a")
    history.set("a", "assistant", "never heard")
    assert history.seed({}) == []


@given(st.text(max_size=60), st.floats(-1.0, 2.0))
def test_any_share_of_any_text_is_a_beginning_of_it(text: str, share: float) -> None:
    history = History()
    history.set("a", "assistant", text)
    history.truncate("a", share)
    for line in history.seed({}):
        assert text.strip().startswith(line.text.removesuffix("…"))


def test_it_is_bounded() -> None:
    history = History()
    for number in range(MAX_ENTRIES + 10):
        history.set(str(number), "user", str(number))
    history.set("long", "user", "x" * (MAX_TEXT + 1))
    seed = history.seed({})
    assert len(seed) == MAX_ENTRIES
    assert seed[0].text == "11"
    assert len(seed[-1].text) == MAX_TEXT
