"""Prepared turns: what the simulator says and does, from Python, TOML or JSON.

A script is a list of turns. Each turn may say when it fits (``heard``: a regular expression on the
transcript or the written message; ``tone``: a frequency the caller plays; ``output_of``/``output``: the
function whose result came back, and a regular expression on it) and has a ``reply``: a list of parts, each a
table with one of

    say = "text"            speech with a voice when the demo extra is installed, else a tone ladder
    commentary = "text"     the same, as the preamble of a reasoning model
    text = "text"           a written part
    tones = [1020, 660]     tones, ``tone_ms`` each (200)
    monologue_s = 60        a tone ladder of that length
    call = "name"           a function call with ``arguments`` (a table)
    fail = "code"           the response fails
    incomplete = "reason"   ``max_output_tokens`` or ``content_filter``

Turns are used once, in order, unless ``repeat = true``. The first unused turn that fits is taken.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from talkpath.bridge.simulator.audio import dominant_hz, tone_ladder
from talkpath.bridge.simulator.personas import TonePersona, describe_audio
from talkpath.bridge.simulator.reply import (
    SILENT_SENTENCE_CHARS_PER_S,
    Failure,
    FunctionCall,
    Incomplete,
    Reply,
    Speech,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from talkpath.bridge.simulator.reply import Heard, Part, Samples, Turn
    from talkpath.bridge.simulator.timeline import Json

TONE_TOLERANCE_HZ = 40.0


class ScriptError(ValueError):
    """A script is not understood. The message names the turn and the key."""


@dataclass(frozen=True, kw_only=True)
class ScriptedTurn:
    """One turn of a script."""

    reply: Reply
    heard: str | None = None
    tone: float | None = None
    output_of: str | None = None
    output: str | None = None
    repeat: bool = False

    def fits(self, turn: Turn, transcript: str) -> bool:
        """Say whether this turn answers what happened."""
        if self.heard is not None and not re.search(self.heard, transcript, re.IGNORECASE):
            return False
        if self.tone is not None and not _plays(turn.heard, self.tone):
            return False
        if self.output_of is None and self.output is None:
            return True
        return any(
            self.output_of in (None, name) and re.search(self.output or "", output)
            for name, output in turn.fresh_outputs()
        )


def _plays(heard: Heard | None, hertz: float) -> bool:
    """Say whether the caller played this tone."""
    return heard is not None and abs(dominant_hz(heard.samples, heard.rate) - hertz) < TONE_TOLERANCE_HZ


class ScriptPersona:
    """Plays a script.

    Args:
        turns: the script.
        ear: what turns audio into words; the description of the sound by default.
    """

    name = "script"

    def __init__(self, turns: Iterable[ScriptedTurn], ear: Callable[[Heard], str] | None = None) -> None:
        self._turns = tuple(turns)
        self._ear = ear or describe_audio
        self._otherwise = TonePersona(600)
        self.blocking = ear is not None

    def transcribe(self, heard: Heard) -> str:
        """Return the caller's words."""
        if heard.transcript is None:
            heard.transcript = self._ear(heard)
        return heard.transcript

    def reply(self, turn: Turn) -> Reply:
        """Return the first unused turn that fits; a short tone ladder when there is none."""
        transcript = turn.fresh_text()
        if turn.heard is not None:
            transcript = f"{self.transcribe(turn.heard)} {transcript}".strip()
        used: set[int] = turn.memory.setdefault("script.used", set())
        for index, scripted in enumerate(self._turns):
            if index not in used and scripted.fits(turn, transcript):
                if not scripted.repeat:
                    used.add(index)
                return scripted.reply
        return self._otherwise.reply(turn)


def tone_voice(text: str) -> Samples:
    """Return a tone ladder as long as the text would take to say."""
    return tone_ladder(max(200.0, len(text) * 1000 / SILENT_SENTENCE_CHARS_PER_S))


def _tones(value: Any, table: Json) -> Part:
    """``tones``."""
    length = float(table.get("tone_ms", 200))
    return Speech(tone_ladder(length * len(value), [float(v) for v in value], length), "Tones.")


def _part(table: Json, speak: Callable[[str], Samples], where: str) -> Part:
    """Read one part of a reply."""
    makers: dict[str, Callable[[Any], Part]] = {
        "say": lambda v: Speech(speak(v), v),
        "commentary": lambda v: Speech(speak(v), v, "commentary"),
        "text": Text,
        "tones": lambda v: _tones(v, table),
        "monologue_s": lambda v: Speech(tone_ladder(float(v) * 1000), "A long story. " * max(1, int(v))),
        "call": lambda v: FunctionCall(v, json.dumps(table.get("arguments", {}))),
        "fail": lambda v: Failure(v, f"Scripted failure: {v}.", v),
        "incomplete": Incomplete,
    }
    chosen = [key for key in table if key in makers]
    if len(chosen) != 1 or set(table) - set(makers) - {"arguments", "tone_ms"}:
        raise ScriptError(f"{where}: {sorted(table)} is not a part; use exactly one of {', '.join(makers)}.")
    kind, value = chosen[0], table[chosen[0]]
    if not isinstance(value, {"tones": list, "monologue_s": int | float}.get(kind, str)):
        raise ScriptError(f"{where}: {kind} = {value!r} has the wrong type.")
    return makers[kind](value)


def _tables(table: Json, name: str, written: str) -> list[Json]:
    """The list of tables of that name; with one pair of brackets it would be a single one."""
    tables = table.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ScriptError(f"{written} has to be a list of tables, with two pairs of brackets.")
    return tables


_RULES: dict[str, Any] = {"heard": str, "tone": (int, float), "output_of": str, "output": str, "repeat": bool}
"""What a turn may ask for, and the type of it."""


def _check_rules(rules: Json, where: str) -> None:
    for key, value in rules.items():
        if key not in _RULES:
            raise ScriptError(f"{where}: unknown key {key!r}; use {', '.join(_RULES)} and reply.")
        if not isinstance(value, _RULES[key]):
            raise ScriptError(f"{where}: {key} = {value!r} has the wrong type.")
        if key in {"heard", "output"}:
            try:
                re.compile(value)
            except re.error as error:
                raise ScriptError(f"{where}: {key} = {value!r} is no regular expression: {error}.") from None


def parse_script(document: Json, speak: Callable[[str], Samples] = tone_voice) -> list[ScriptedTurn]:
    """Read a script from decoded TOML or JSON: ``{"turn": [...]}``.

    Raises:
        ScriptError: something in it is not understood.
    """
    turns = []
    for number, table in enumerate(_tables(document, "turn", "[[turn]]"), 1):
        rules = {key: value for key, value in table.items() if key != "reply"}
        _check_rules(rules, f"turn {number}")
        replies = _tables(table, "reply", f"turn {number}: [[turn.reply]]")
        parts = [_part(part, speak, f"turn {number}") for part in replies]
        turns.append(ScriptedTurn(reply=Reply(tuple(parts)), **rules))
    if not turns:
        raise ScriptError("The script has no turns; give it at least one [[turn]] with a reply.")
    return turns


def load_script(path: Path, speak: Callable[[str], Samples] = tone_voice) -> list[ScriptedTurn]:
    """Read a script from a ``.toml`` or ``.json`` file.

    Raises:
        ScriptError: the file is not valid TOML or JSON, or not a script.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text("utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        return parse_script(document, speak)
    except ValueError as error:
        raise ScriptError(f"{path}: {error}") from None
