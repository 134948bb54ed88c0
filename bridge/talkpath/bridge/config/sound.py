"""The ``[agents.NAME.sound]`` sections: how loud an agent is, and what callers hear when nobody speaks."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from .values import Duration, Section

ToolSoundName = Literal["off", "chime", "ticks"]


class SoundConfig(Section):
    """What callers hear besides an agent's words; as it is, nothing is added or changed."""

    before_answer: Path | None = Field(
        default=None,
        description="WAV file (8 kHz, 16 bit, mono) that the caller hears, over and over, until the model is "
        "ready: early media in a 183. Without it we answer 180, and the PBX plays its own ringing.",
        examples=["/etc/talkpath/one-moment.wav"],
    )
    tool_sound: ToolSoundName = Field(
        default="off",
        description="What tells the caller that somebody is still there while a tool takes its time: a soft "
        "chime every three seconds, or ticks as of a keyboard. It fades when the agent speaks.",
        examples=["ticks"],
    )
    tool_sound_after: Duration = Field(
        default=2.0, ge=0.5, le=60, description="How long the line must have been dead before that."
    )
    gain: Annotated[float, Field(ge=-20, le=12)] = Field(
        default=0.0, description="How much louder the agent is, in dB. Other than 0 it turns the limiter on."
    )
    limiter: bool = Field(
        default=False,
        description="Turn down what is within 3 dB of the loudest that a telephone can carry, in place of "
        "letting it clip.",
    )
    comfort_noise: Annotated[float, Field(ge=-80, le=-40)] | None = Field(
        default=None,
        description="Level, in dBov, of a faint noise in place of silence; without it, silence is silent.",
        examples=[-66],
    )
