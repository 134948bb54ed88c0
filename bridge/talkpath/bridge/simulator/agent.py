"""The offline agent: the receptionist of a bicycle shop, who really listens and really speaks.

It understands the sentences of ``grammar``, answers from ``shop``, and uses the client's functions where a
name fits (``tool_calls``). There is no language model behind it.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from talkpath.bridge.simulator import shop
from talkpath.bridge.simulator.grammar import DIGITS, Understood, jsgf, understand
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.speech import Ear, Voice
from talkpath.bridge.simulator.tool_calls import failed, make_call, pick_tool, say_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.simulator.reply import Heard, Listener, Part, Speaker, Turn


_SAY_EXACTLY = re.compile(r"say exactly[^:\"\n]*(?::\s*|\s+(?=[\"\u201c]))(.+)", re.IGNORECASE | re.DOTALL)
_QUOTES = "\"'\u201c\u201d\u2018\u2019 \n"
_PRESSED = re.compile(r"pressed (?:the )?(?:key |keys |digits? )?['\"]?([0-9*#]+)", re.IGNORECASE)


def words_to_say(instructions: str) -> str | None:
    """Return the text that instructions want word for word, None when they want no such thing.

    Understood is the last "Say exactly", up to a colon or an opening quotation mark; what follows is the
    text, to the end or, when it is quoted, to the closing mark.
    """
    start = instructions.lower().rfind("say exactly")
    found = _SAY_EXACTLY.match(instructions, start) if start >= 0 else None
    if found is None:
        return None
    text = found.group(1).strip()
    closing = {'"': '"', "\u201c": "\u201d"}.get(text[:1])
    if closing and closing in text[1:]:
        text = text[1 : text.index(closing, 1)]
    return text.strip(_QUOTES) or None


class AgentPersona:
    """The receptionist.

    Args:
        voice: what it speaks with; the voice of the demo extra by default.
        ear: what it hears with; the recogniser of the demo extra by default.

    Raises:
        MissingExtraError: voice or ear are not installed.
    """

    name = "agent"
    blocking = True

    def __init__(self, voice: Speaker | None = None, ear: Listener | None = None) -> None:
        self._voice = voice or Voice()
        self._ear = ear or Ear(jsgf())
        self._hearing = threading.Lock()

    def transcribe(self, heard: Heard) -> str:
        """Return the sentence, and remember it so that it is recognised only once."""
        with self._hearing:
            if heard.transcript is None:
                heard.transcript = self._ear.listen(heard)
        return heard.transcript

    def reply(self, turn: Turn) -> Reply:
        """Answer a turn."""
        parts = self._parts(turn)
        spoken = [part.text for part in parts if isinstance(part, Speech)]
        if spoken:
            turn.memory["agent.last"] = spoken[-1]
        return Reply(tuple(parts))

    def close(self) -> None:
        """Let go of the ear's process."""
        if isinstance(self._ear, Ear):
            self._ear.close()

    # ---- what to answer ----------------------------------------------------------------------------

    def _parts(self, turn: Turn) -> list[Part]:
        """Find the reason for this turn: instructions, results, words, keys, or nothing at all."""
        exact = words_to_say(turn.instructions) if turn.directed else None
        if exact is not None:
            return self._say(exact)
        outputs = turn.fresh_outputs()
        if outputs:
            return self._say_outputs(outputs)
        if turn.heard is not None:
            return self._answer(understand(self.transcribe(turn.heard)), turn)
        if any(part["type"] == "input_image" for i in turn.fresh for part in i.data.get("content") or ()):
            return self._say(shop.PICTURE)
        if turn.fresh_text() and not turn.directed:
            return self._answer_text(turn.fresh_text(), turn)
        return self._say(shop.GREETING if turn.number == 1 or turn.directed else shop.ANYTHING_ELSE)

    def _say(self, text: str) -> list[Part]:
        """Return one spoken part."""
        return [Speech(self._voice.speak(text), text)]

    def _say_outputs(self, outputs: list[tuple[str, str]]) -> list[Part]:
        """Speak the results of functions; an ended call has no more to say."""
        output = next((text for _, text in outputs if failed(text)), None)
        if output is not None:
            return self._say(f"{shop.DID_NOT_WORK} {say_output(output)}")
        told = [text for name, text in outputs if not re.search("hang_?up|end_call|transfer", name)]
        return (
            self._say(" ".join(say_output(text) for text in told)) if told else self._say(shop.ANYTHING_ELSE)
        )

    def _answer_text(self, text: str, turn: Turn) -> list[Part]:
        """Answer something written: a pressed key, or a sentence."""
        pressed = _PRESSED.search(text)
        if pressed is None:
            return self._answer(understand(text), turn)
        keys = pressed.group(1)
        if keys == "0":
            return self._answer(Understood("transfer", text, place="a person"), turn)
        if keys in shop.KEYS:
            return self._say(shop.KEYS[keys])
        names = {"*": "star", "#": "hash"}
        return self._say(f"You pressed {' '.join(names.get(k) or DIGITS[int(k)] for k in keys)}.")

    def _answer(self, meant: Understood | None, turn: Turn) -> list[Part]:
        """Answer a sentence: with a function when one fits, from the shop's knowledge otherwise."""
        if meant is None:
            return self._say(shop.NOT_UNDERSTOOD)
        tool = pick_tool(meant.intent, turn.tools)
        if tool is not None:
            return self._call(make_call(tool, meant), meant)
        if meant.intent == "again":
            return self._say(turn.memory.get("agent.last", shop.GREETING))
        return self._say(ANSWERS[meant.intent](meant))

    def _call(self, call: FunctionCall, meant: Understood) -> list[Part]:
        """Say a word, then call."""
        preambles = {"transfer": shop.TRANSFER, "goodbye": shop.GOODBYE}
        preamble = preambles.get(meant.intent, shop.LET_ME_SEE)
        return [Speech(self._voice.speak(preamble), preamble, "commentary"), call]


def _status(meant: Understood) -> str:
    """Answer a question about a repair."""
    return shop.REPAIRS.get(meant.number, shop.UNKNOWN_NUMBER) if meant.number else shop.NO_NUMBER


def _booked(meant: Understood) -> str:
    """Confirm a booking."""
    day = meant.day or "tomorrow"
    return shop.BOOKED.format(day=day if day in {"today", "tomorrow"} else f"on {day.capitalize()}")


ANSWERS: dict[str, Callable[[Understood], str]] = {
    "hello": lambda _: shop.HELLO,
    "hours": lambda meant: shop.CLOSED if meant.day == "sunday" else shop.HOURS,
    "address": lambda _: shop.ADDRESS,
    "status": _status,
    "price": lambda _: shop.PRICE,
    "book": _booked,
    "help": lambda _: shop.HELP,
    "tell": lambda _: shop.ABOUT,
    "transfer": lambda _: shop.NO_TRANSFER,
    "goodbye": lambda _: shop.GOODBYE,
    "thanks": lambda _: f"{shop.WELCOME} {shop.ANYTHING_ELSE}",
    "yes": lambda _: shop.HELP,
    "no": lambda _: shop.GOODBYE,
    "wait": lambda _: shop.WAIT,
}
"""Answers from the shop's knowledge."""
