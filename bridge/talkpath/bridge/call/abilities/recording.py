"""``start_recording``, ``pause_recording``, ``resume_recording``: the agent decides what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.call.recording import Stage
from talkpath.bridge.realtime.settings import ToolDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.bridge.call.abilities.ability import Ability, Order
    from talkpath.bridge.call.recording import CallRecording
    from talkpath.bridge.config.recording import RecordingConfig

_NOTHING: Final = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}

START_RECORDING: Final = ToolDefinition(
    name="start_recording",
    description=(
        "Record this call from now on. Only after the caller has agreed. "
        "The caller may hear an announcement first."
    ),
    parameters=_NOTHING,
)
PAUSE_RECORDING: Final = ToolDefinition(
    name="pause_recording",
    description=(
        "Keep what follows out of the recording, until resume_recording. Always before the caller says "
        "something that must not be kept, like the number of a card."
    ),
    parameters=_NOTHING,
)
RESUME_RECORDING: Final = ToolDefinition(
    name="resume_recording", description="Record again, after pause_recording.", parameters=_NOTHING
)

DONE: Final = '{"ok":true}'
NO_RECORDING: Final = '{"ok":false,"error":"This call is not being recorded."}'
INTERRUPTED: Final = (
    '{"ok":false,"error":"The announcement was interrupted, so nothing is recorded. If it is still wanted, '
    'call start_recording again."}'
)
IMPOSSIBLE: Final = '{"ok":false,"error":"The call cannot be recorded. Go on without, and tell the caller."}'


class StartRecording:
    """Begins the recording on the agent's wish, and answers when it runs.

    Args:
        recording: The recording of the call.
    """

    definition = START_RECORDING

    def __init__(self, recording: CallRecording) -> None:
        self._recording = recording

    def carry_out(self, order: Order) -> None:
        """Announce, begin, answer."""
        self._recording.start(
            lambda: order.answer(IMPOSSIBLE if self._failed() else DONE),
            lambda: order.answer(INTERRUPTED, respond=False),  # what interrupts has the caller's ear
        )

    def _failed(self) -> bool:
        return self._recording.stage is Stage.FAILED


class _Switch:
    """Pauses or resumes.

    Args:
        definition: What the model is told.
        switch: Does it; returns whether it is so now.
    """

    def __init__(self, definition: ToolDefinition, switch: Callable[[], bool]) -> None:
        self.definition = definition
        self._switch = switch

    def carry_out(self, order: Order) -> None:
        """Switch, and answer."""
        order.answer(DONE if self._switch() else NO_RECORDING)


def recording_abilities(own: RecordingConfig, recording: CallRecording) -> Iterator[Ability]:
    """The tools that the mode of recording asks for."""
    if own.mode == "off":
        return
    if own.mode == "on_demand":
        yield StartRecording(recording)
    yield _Switch(PAUSE_RECORDING, recording.pause)
    yield _Switch(RESUME_RECORDING, recording.resume)
