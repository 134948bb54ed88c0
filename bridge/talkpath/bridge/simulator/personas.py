"""The personas without dependencies, and the choice among all of them.

``agent`` speaks and understands English (see ``agent``), ``echo`` plays the caller's own turn back,
``tone`` answers with a tone ladder, ``script`` plays a prepared script (see ``script``), and ``bench``
echoes continuously at the lowest cost (see ``bench``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from talkpath.bridge.simulator.audio import convert, dominant_hz, tone_ladder
from talkpath.bridge.simulator.reply import MODEL_RATE, Reply, Speech

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.simulator.reply import Heard, Persona, Turn

PERSONAS = ("agent", "echo", "tone", "script:FILE", "bench")
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


class BenchPersona(EchoPersona):
    """Stands for the benchmark's own lane: the server serves it without sessions (see ``bench``)."""

    name = "bench"


def make_persona(name: str) -> Persona:
    """Return a persona by its name; ``script:FILE`` plays a TOML or JSON script.

    Raises:
        ValueError: the name is unknown, or the script is not understood.
        MissingExtraError: ``agent`` without its voice and ear.
        OSError: the script cannot be read.
    """
    # Imported here because the agent needs the optional voice and ear, and the others need neither.
    if name == "agent":
        from talkpath.bridge.simulator.agent import AgentPersona  # noqa: PLC0415 - see above

        return AgentPersona()
    if name.startswith("script:"):
        return _scripted(Path(name.removeprefix("script:")))
    simple: dict[str, Callable[[], Persona]] = {
        "tone": TonePersona,
        "echo": EchoPersona,
        "bench": BenchPersona,
    }
    if name not in simple:
        raise ValueError(f"There is no persona {name!r}; choose one of {', '.join(PERSONAS)}.")
    return simple[name]()


def _scripted(path: Path) -> Persona:
    """Load a script; its ``say`` parts are spoken when the voice is installed, else they are tones."""
    from talkpath.bridge.simulator.script import ScriptPersona, load_script, tone_voice  # noqa: PLC0415 - a cycle
    from talkpath.bridge.simulator.speech import MissingExtraError, Voice  # noqa: PLC0415 - as for the agent

    try:
        speak = Voice().speak
    except MissingExtraError:
        speak = tone_voice
    return ScriptPersona(load_script(path, speak))
