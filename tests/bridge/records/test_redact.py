"""What must not be stored is taken out, and nothing else."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.records.redact import DIGITS, PATTERN, Redactor, redact_digits
from tests.bridge.records.calls import full_call

ENGLISH = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
GERMAN = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]

digit = st.integers(0, 9)
separator = st.sampled_from([" ", "-", ". ", ", ", "", "  ", " - "])
words = st.text(string.ascii_lowercase.replace("o", "") + " ", max_size=20).filter(
    lambda text: not set(text.split()) & {*ENGLISH, *GERMAN, "un", "y", "et", "e", "uh", "um", "er", "and"}
)


@pytest.mark.parametrize(
    "text",
    [
        "four one one one, one one one one, one one one one, one one one one",
        "It is 4111 1111 1111 1111.",
        "4111-1111-1111-1111",
        "4111111111111111",
        "My card: double four triple one, two three four five six seven eight nine zero one two",
        "forty-one eleven, eleven eleven, eleven eleven, eleven eleven",
        "vier eins eins eins, eins eins eins eins",
        "cuatro uno uno uno",
        "my PIN is 4 7 1 1",
        "call me on +49 30 1234567",
        "Four. One. One. One.",
        "four, uh, one, um, one and one",
        "٤١١١١١١١١١١١١١١١",
    ],
)
def test_what_is_dictated_goes(text: str) -> None:
    assert DIGITS in redact_digits(text)
    left = redact_digits(text).lower()
    assert not re.search(r"\d", left), left
    assert not set(re.findall(r"\w+", left)) & {*ENGLISH, *GERMAN, "cuatro", "uno"} - {"and"}, left


@pytest.mark.parametrize(
    "text", ["4111", "1111.", "four one one one", "one two three", "0 4 7", "Four one one."]
)
def test_an_utterance_of_digits_alone_goes(text: str) -> None:
    assert redact_digits(text).strip(" .") == DIGITS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The bicycle costs 499 euros, and the bell 12.",
        "You have one or two of them, on the 3rd of May 2026 at 10:30.",
        "I am in room 1204 on floor 12.",
        "One moment please.",
        "Order 4711 is here.",
        "seven",
        "12",
        "For one thing, someone weighs a ton.",
    ],
)
def test_what_people_talk_about_stays(text: str) -> None:
    assert redact_digits(text) == text


@given(st.lists(digit, min_size=12, max_size=19), st.data(), words, words)
def test_no_card_number_survives_whatever_its_grouping(
    number: list[int], data: st.DataObject, before: str, after: str
) -> None:
    text = ""
    for position, one in enumerate(number):
        spoken = data.draw(st.sampled_from([str(one), ENGLISH[one], GERMAN[one]]))
        glue = data.draw(separator) if position else " "
        # Two words without anything between them are no words.
        text += (glue or " " if not (text[-1:].isdigit() and spoken.isdigit()) else glue) + spoken
    left = redact_digits(f"{before} {text} {after}")
    assert DIGITS in left
    assert not re.search(r"\d", left)
    assert not set(re.findall(r"\w+", left.lower())) & {*ENGLISH, *GERMAN}


@given(st.text(max_size=200))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = redact_digits(text)
    assert redact_digits(once) == once


@given(words)
def test_text_without_digits_stays_as_it_is(text: str) -> None:
    assert redact_digits(text) == text


@given(st.text(st.sampled_from("0123456789 -."), max_size=60))
def test_never_more_than_six_digits_in_a_row_are_left(text: str) -> None:
    assert not re.search(r"(?:\d[ \-.]*){7}", redact_digits(text))


def test_a_long_hostile_text_is_cleaned_in_no_time() -> None:
    text = ("four and " * 300 + "x " + "- " * 1000 + "1 " * 300)[:4000]
    assert len(redact_digits(text)) < len(text)


def test_patterns_go_from_every_free_text_and_ids_stay() -> None:
    full = full_call("c-1", reason="customer K123456 hung up")
    full.utterances[1].text = "I am K123456, my card is 4111 1111 1111 1111"
    full.moments[0].detail = "from 192.0.2.1:5060, K123456"
    full.tools[0].arguments = '{"customer": "K123456", "card": "4111111111111111"}'
    Redactor(patterns=[r"\bK\d{6}\b"]).call(full)
    assert full.call.reason == f"customer {PATTERN} hung up"
    assert full.utterances[1].text == f"I am {PATTERN}, my card is {DIGITS}"
    assert full.moments[0].detail == f"from 192.0.2.1:5060, {PATTERN}"
    assert full.tools[0].arguments == f'{{"customer": "{PATTERN}", "card": "{DIGITS}"}}'
    assert full.call.caller == "+4930123456"


def test_digits_stay_where_the_operator_wants_them() -> None:
    full = full_call()
    full.utterances[0].text = "4111 1111 1111 1111"
    assert Redactor(digits=False).call(full).utterances[0].text == "4111 1111 1111 1111"
