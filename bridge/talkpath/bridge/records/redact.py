"""Takes out of a text what must not be stored: digits that somebody dictates, and what patterns match.

Callers read card numbers, PINs and dates of birth to whoever answers, in figures or words, in one breath or
in groups. What is taken for dictation: seven or more digits in a row, four or more that come one by one, and
an utterance that is nothing but digits. "Room 12 in 2026" stays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .rows import FullCall

DIGITS: Final = "[digits]"
PATTERN: Final = "[redacted]"

LONG_RUN: Final = 7
"""Digits in a row that are never stored: card, account and telephone numbers are at least as long."""
DICTATED_RUN: Final = 4
"""The same for digits that come one by one ("four one one one", "4 1 1 1")."""
WHOLE_UTTERANCE: Final = 3
"""The same for an utterance of nothing else: a group of a card number, a PIN, the code on the back."""

_ONES: Final = (
    "zero oh nought one two three four five six seven eight nine "  # English
    "null eins zwei zwo drei vier fünf fuenf sechs sieben acht neun "  # German
    "zéro un deux trois quatre cinq sept huit neuf "  # French; six is the English one
    "cero uno dos tres cuatro cinco seis siete ocho nueve "  # Spanish
    "due tre quattro cinque sei sette otto nove "  # Italian
    "um dois três quatro sete oito "  # Portuguese
    "nul een twee drie vijf zes zeven acht negen"  # Dutch
)
_PAIRS: Final = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fourty fifty sixty seventy eighty ninety "
    "zehn elf zwölf zwoelf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn "
    "zwanzig dreißig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig"
)
_REPEATS: Final = {"double": 2, "triple": 3, "treble": 3}
_JOINS: Final = "and und et y uh um er ähm hundred thousand dash hyphen minus space point dot then"

_WEIGHTS: Final = {**dict.fromkeys(_ONES.split(), 1), **dict.fromkeys(_PAIRS.split(), 2)}

_NUMBER = rf"\d+|(?:{'|'.join(_REPEATS)})(?=\W)|(?:{'|'.join(sorted(_WEIGHTS, key=len, reverse=True))})(?!\w)"
_TOKEN = re.compile(rf"(?<!\w)(?:{_NUMBER})|\d+", re.IGNORECASE)
_BETWEEN = re.compile(rf"(?:[\W_]|(?<!\w)(?:{'|'.join(_JOINS.split())})(?!\w))*", re.IGNORECASE)
_MOST_BETWEEN: Final = 24
"""Characters that may stand between two digits of one run."""


def redact_digits(text: str) -> str:
    """Replace what was dictated by ``[digits]``. Doing it again changes nothing."""
    kept: list[str] = []
    end = 0
    for run in _runs(text):
        first, last = run[0].start(), run[-1].end()
        alone = not _letters(text[:first]) and not _letters(text[last:])
        if _dictated(run, alone=alone):
            kept += [text[end:first], DIGITS]
            end = last
    return "".join([*kept, text[end:]])


def _runs(text: str) -> Iterable[list[re.Match[str]]]:
    """Digits and words for them that stand together."""
    run: list[re.Match[str]] = []
    for token in _TOKEN.finditer(text):
        if run and not _stands_beside(text[run[-1].end() : token.start()]):
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _stands_beside(between: str) -> bool:
    return len(between) <= _MOST_BETWEEN and _BETWEEN.fullmatch(between) is not None


def _dictated(run: Sequence[re.Match[str]], *, alone: bool) -> bool:
    digits, one_by_one, repeat = 0, True, 1
    for token in run:
        word = token[0].lower()
        if word in _REPEATS:
            repeat = _REPEATS[word]
            continue
        weight = len(word) if word[0].isdigit() else _WEIGHTS[word]
        one_by_one = one_by_one and weight == 1
        digits += weight * repeat
        repeat = 1
    enough = WHOLE_UTTERANCE if alone else DICTATED_RUN if one_by_one else LONG_RUN
    return digits >= enough


def _letters(text: str) -> bool:
    return any(letter.isalnum() for letter in text.replace(DIGITS, ""))


class Redactor:
    """Cleans whole calls before they are stored.

    Args:
        digits: Whether dictated digits go.
        patterns: Regular expressions; what they match goes.
    """

    def __init__(self, *, digits: bool = True, patterns: Sequence[str] = ()) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._steps: list[Callable[[str], str]] = [self._redact_patterns]
        if digits:
            self._steps.append(redact_digits)

    def text(self, text: str) -> str:
        """The text without what must not be stored."""
        for step in self._steps:
            text = step(text) if text else text
        return text

    def call(self, full: FullCall) -> FullCall:
        """Clean every free text of a call, in place. Numbers of the parties and ids stay: they find it."""
        full.call.reason = self.text(full.call.reason)
        account = full.call.transfer_account
        if account is not None:
            clean = {"reason": self.text(account.reason), "summary": self.text(account.summary)}
            full.call.transfer_account = msgspec.structs.replace(account, **clean)
        for utterance in full.utterances:
            utterance.text = self.text(utterance.text)
        for moment in full.moments:
            moment.detail = self._redact_patterns(moment.detail)
        for leg in full.legs:
            leg.reason = self.text(leg.reason)
        for run in full.tools:
            run.arguments = self.text(run.arguments)
        return full

    def _redact_patterns(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(PATTERN, text)
        return text
