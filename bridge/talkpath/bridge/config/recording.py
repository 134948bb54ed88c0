"""The ``[agents.NAME.recording]`` sections: which calls are kept as sound, where, and for how long."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from .values import Duration, Section, refuse


class RecordingConfig(Section):
    """Recording of an agent's calls: caller left, agent right."""

    mode: Literal["off", "always", "on_demand"] = Field(
        default="off", description="on_demand lets the agent decide, with the tool start_recording."
    )
    directory: Path | None = Field(
        default=None, description="Where the WAV files go.", examples=["/var/lib/talkpath/recordings"]
    )
    announcement: Path | None = Field(
        default=None,
        description="WAV file (8 kHz, 16 bit, mono) that the caller hears first; if it cannot be played, "
        "nothing is recorded.",
        examples=["/etc/talkpath/this-call-is-recorded.wav"],
    )
    retention: Duration | None = Field(
        default=None,
        ge=86400,
        description="How long files are kept, at least a day; without it, for ever.",
        examples=["30d"],
    )

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.mode != "off" and self.directory is None:
            refuse("recordings have no directory", 'Add directory = "/var/lib/talkpath/recordings".')
        return self
