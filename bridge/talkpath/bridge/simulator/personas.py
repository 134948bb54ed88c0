"""The personas without dependencies, and the choice among all of them.

``agent`` speaks and understands English (see ``agent``), ``echo`` plays the caller's own turn back,
``tone`` answers with a tone ladder, ``script`` plays a prepared script (see ``script``), and ``bench``
echoes continuously at the lowest cost (see ``bench``; it is not a persona but a lane of its own).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.simulator.audio import convert, dominant_hz, tone_ladder
from talkpath.bridge.simulator.reply import MODEL_RATE, Reply, Speech

if TYPE_CHECKING:
    from talkpath.bridge.simulator.reply import Heard, Persona, Turn

PERSONAS = ("agent", "echo", "tone", "script", "bench")
"""Names that ``talkpath simulator --persona`` knows."""


def describe_audio(heard: Heard) -> str:
    """Say in words what a clip without an ear sounds like; this stands in for its transcript."""
    hertz = dominant_hz(heard.samples, heard.rate)
    return f"[{heard.duration_ms} ms around {hertz:.0f} Hz]" if hertz else ""


class TonePersona:
    """Answers every turn with a tone ladder.

    Args:
        milliseconds: its length.
    """

    name = "tone"
    blocking = False

    def __init__(self, milliseconds: float = 2000.0) -> None:
        self._ladder = tone_ladder(milliseconds)

    def transcribe(self, heard: Heard) -> str:
        """Describe the sound."""
        return describe_audio(heard)

    def reply(self, turn: Turn) -> Reply:
        """Play the ladder."""
        return Reply((Speech(self._ladder, f"This is tone ladder number {turn.number}."),))


class EchoPersona:
    """Plays the caller's own words back, turn by turn; a greeting without them is a tone ladder."""

    name = "echo"
    blocking = False

    def transcribe(self, heard: Heard) -> str:
        """Describe the sound."""
        return describe_audio(heard)

    def reply(self, turn: Turn) -> Reply:
        """Play back what was heard last."""
        if turn.heard is None:
            return Reply((Speech(tone_ladder(600), "Speak, and you will hear yourself."),))
        samples = convert(turn.heard.samples, turn.heard.rate, MODEL_RATE)
        return Reply((Speech(samples, turn.heard.transcript or "You said this."),))


def make_persona(name: str) -> Persona:
    """Return a persona by its name.

    Raises:
        ValueError: the name is unknown, or it names one that needs more than a name.
        MissingExtraError: ``agent`` without its voice and ear.
    """
    if name == "tone":
        return TonePersona()
    if name == "echo":
        return EchoPersona()
    if name == "agent":
        # Imported here because the agent needs the optional voice and ear.
        from talkpath.bridge.simulator.agent import AgentPersona  # noqa: PLC0415

        return AgentPersona()
    raise ValueError(f"There is no persona {name!r} to be made by name; choose agent, echo or tone.")
