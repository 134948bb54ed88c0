"""The sentences that the offline agent understands, as one table: grammar of the ear and meaning in one.

The expansions are written in JSGF (words, ``(a | b)``, ``[optional]``, ``<rule>``). The recogniser gets them
as a grammar; the same text, turned into regular expressions, tells which meaning a recognised or typed
sentence has. A sentence that stopped half-way through the grammar therefore means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DAYS = ("today", "tomorrow", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PLACES = ("the workshop", "the manager", "sales", "a person")

RULES = {
    "day": " | ".join(DAYS),
    "digit": " | ".join(DIGITS),
    "number": "<digit> [<digit>] [<digit>]",
    "bike": "bike | bicycle",
    "ask": "can you tell me | could you tell me | i want to know | i would like to know | do you know",
    "want": "i want to | i would like to | i need to",
    "somebody": "a person | a human | someone | the manager",
}
"""Parts shared by the sentences."""

INTENTS = {
    "hello": "(hello | hi) there | good (morning | afternoon | evening) | hello how are you",
    "hours": (
        "[<ask>] when are you open [[on] <day>] | [<ask>] what are your opening hours"
        " | [<ask>] what time do you (open | close) [<day>] | are you open [on] <day>"
    ),
    "address": (
        "[<ask>] where are you | [<ask>] where is (your | the) shop | [<ask>] what is your address"
        " | how do i get (there | to you)"
    ),
    "status": (
        "is my <bike> ready [yet] | [<ask>] what is the status of my repair | how is my repair going"
        " | i am calling about my (repair | <bike>) | my repair number is <number>"
        " | is repair number <number> ready"
    ),
    "price": (
        "[<ask>] how much (does a (repair | service) cost | is a (repair | service))"
        " | [<ask>] what does a (repair | service) cost | what are your prices"
    ),
    "book": (
        "<want> (book | make) (a repair | an appointment) [for <day>] | can you repair my <bike> [<day>]"
        " | i have a flat tire [can you repair it] | i need a repair"
        " | my (chain is | brakes are | brake is | gears are) broken"
    ),
    "help": "what can you do [for me] | can you help me | how can you help me",
    "tell": "tell me (about (the | your) shop | a story) | who are you",
    "transfer": (
        "(can | could | may) i (speak | talk) (to | with) <somebody> [please]"
        " | <want> (speak | talk) (to | with) <somebody> [please] | [please] transfer me [please]"
        " | connect me to (a person | the manager | sales | the workshop) [please]"
    ),
    "goodbye": (
        "goodbye | bye bye | thank you [very much] goodbye | [thank you] that is all [thank you]"
        " | hang up [please]"
    ),
    "thanks": "thank you [very much]",
    "yes": "yes [please]",
    "no": "no thank you",
    "again": "(can you | could you) repeat that [please] | please say that again",
    "wait": "wait a moment [please]",
}
"""What can be said, by meaning."""


@dataclass(frozen=True)
class Understood:
    """The meaning of a sentence. ``number`` is made of digits, "" when none was said."""

    intent: str
    sentence: str
    day: str = ""
    number: str = ""
    place: str = ""


def jsgf() -> str:
    """Return the grammar for the recogniser."""
    rules = [f"<{name}> = {text};" for name, text in (RULES | INTENTS).items()]
    alternatives = " | ".join(f"<{name}>" for name in INTENTS)
    return "\n".join(["#JSGF V1.0;", "grammar shop;", *rules, f"public <sentence> = {alternatives};"])


def _pattern(expansion: str) -> str:
    """Turn an expansion into a regular expression in which every word ends with a space."""
    pieces = []
    for piece in re.findall(r"<\w+>|[()\[\]|]|\w+", expansion):
        if piece.startswith("<"):
            pieces.append(f"(?:{_pattern(RULES[piece[1:-1]])})")
        elif piece in "([":
            pieces.append("(?:")
        elif piece == "]":
            pieces.append(")?")
        else:
            pieces.append(piece if piece in ")|" else f"{piece} ")
    return "".join(pieces)


_PATTERNS = {name: re.compile(_pattern(expansion)) for name, expansion in INTENTS.items()}


def normalise(text: str) -> str:
    """Return lower-case words with single spaces, digits written out, without punctuation."""
    spelled = re.sub(r"\d", lambda digit: f" {DIGITS[int(digit.group())]} ", text.lower())
    return " ".join(re.findall(r"[a-z]+", spelled.replace("'", "").replace("good bye", "goodbye")))


def understand(text: str) -> Understood | None:
    """Return the meaning of a sentence, None when it is not one of those known."""
    sentence = normalise(text)
    for intent, pattern in _PATTERNS.items():
        if pattern.fullmatch(f"{sentence} "):
            words = sentence.split()
            return Understood(
                intent=intent,
                sentence=sentence,
                day=next((word for word in words if word in DAYS), ""),
                number="".join(str(DIGITS.index(word)) for word in words if word in DIGITS),
                place=next((place for place in PLACES if place in sentence), ""),
            )
    return None
