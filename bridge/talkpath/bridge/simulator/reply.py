"""What passes between a session and its persona: a turn to answer, and the parts of an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from talkpath.bridge.simulator.conversation import Item
    from talkpath.bridge.simulator.timeline import Json

Samples = np.ndarray[tuple[int], np.dtype[np.int16]]
"""Linear mono audio, one dimension, int16."""

MODEL_RATE = 24_000
"""Sample rate in hertz of everything a persona speaks."""

SILENT_SENTENCE_CHARS_PER_S = 15.0
"""Reading speed of written text that has no audio, used to size a tone ladder for it."""


@dataclass(eq=False)
class Heard:
    """One committed stretch of caller audio.

    ``transcript`` is None until somebody has listened; personas fill it once, so that the
    transcription event and the reply never disagree.
    """

    item_id: str
    samples: Samples
    rate: int
    start_ms: int
    transcript: str | None = None

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds."""
        return round(len(self.samples) * 1000 / self.rate)


@dataclass(frozen=True)
class Speech:
    """A spoken part: int16 at 24 kHz and its words. ``phase`` marks preambles of 2.x models."""

    samples: Samples
    text: str
    phase: Literal["commentary", "final_answer"] | None = None


@dataclass(frozen=True)
class Text:
    """A written part; what a session with ``output_modalities: ["text"]`` gets from any message."""

    text: str


@dataclass(frozen=True)
class FunctionCall:
    """A call of one of the client's functions. ``arguments`` is JSON text, sent as it stands."""

    name: str
    arguments: str = "{}"


@dataclass(frozen=True)
class Failure:
    """The generation fails here: ``response.done`` with status ``failed``."""

    code: str = "server_error"
    message: str = "The server had an error while processing your request."
    type: str = "server_error"


@dataclass(frozen=True)
class Incomplete:
    """The generation ends here early: status ``incomplete``."""

    reason: Literal["max_output_tokens", "content_filter"] = "content_filter"


Part = Speech | Text | FunctionCall | Failure | Incomplete


@dataclass(frozen=True)
class Reply:
    """Everything one response says and does, in order."""

    parts: tuple[Part, ...] = ()


@dataclass(eq=False)
class Turn:
    """What a persona sees when it has to answer.

    Attributes:
        number: 1 for the first response of the session, and so on.
        items: the conversation, or the given input of an out-of-band response.
        fresh: the items that were added since the last response began.
        heard: the caller's audio among ``fresh``, newest, or None.
        instructions: in force for this response (those of ``response.create`` replace the session's).
        directed: True when ``response.create`` brought its own instructions.
        tools: function tools on offer.
        memory: a dictionary that lives as long as the session, for the persona to use.
    """

    response_id: str
    number: int
    items: tuple[Item, ...]
    fresh: tuple[Item, ...]
    heard: Heard | None
    instructions: str
    directed: bool
    tools: tuple[Json, ...]
    memory: dict[str, Any] = field(default_factory=dict)

    def fresh_outputs(self) -> list[tuple[str, str]]:
        """Return the new function outputs as (function name, output text)."""
        names = {i.data["call_id"]: i.data["name"] for i in self.items if i.type == "function_call"}
        new = [i.data for i in self.fresh if i.type == "function_call_output"]
        return [(names.get(data["call_id"], ""), data["output"]) for data in new]

    def fresh_text(self) -> str:
        """Return the newest written message of the user or the system since the last response."""
        texts = [i.text() for i in self.fresh if i.role in {"user", "system"} and i.text()]
        return texts[-1] if texts else ""

    def has_tool(self, name: str) -> bool:
        """Say whether a function of this name is on offer."""
        return any(tool.get("name") == name for tool in self.tools)


class Persona(Protocol):
    """The mind behind a session. One object serves all sessions of a server.

    When ``blocking`` is true the server calls the two methods in a worker thread.
    """

    name: str
    blocking: bool

    def transcribe(self, heard: Heard) -> str:
        """Return what was said, or "" when nothing was understood."""

    def reply(self, turn: Turn) -> Reply:
        """Return what to say and do."""


class Speaker(Protocol):
    """Turns text into sound."""

    def speak(self, text: str) -> Samples:
        """Return the spoken text, int16 at 24 kHz."""


class Listener(Protocol):
    """Turns sound into text."""

    def listen(self, heard: Heard) -> str:
        """Return the sentence, "" when nothing was understood."""
