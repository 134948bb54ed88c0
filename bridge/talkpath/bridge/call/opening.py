"""How the agent opens the conversation: with its greeting, at once or as the answer to whoever was called.

People who pick up a telephone say "hello?" first. An agent that speaks at once speaks over them. So it gets
its greeting as a note and waits; the model's own response to the "hello?" is then the greeting, and may say
more where more was asked. Nothing is said twice, because there is only this one response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.recording import CallRecording


class Opening:
    """The first words of one call.

    Args:
        line: The agent.
        recording: May have to be announced before the agent speaks.
    """

    def __init__(self, line: ModelLine, recording: CallRecording) -> None:
        self._line = line
        self._recording = recording

    def greet(self) -> None:
        """Let the agent say its greeting."""
        self._recording.before_speech(self._line.greet)

    def resume(self) -> None:
        """Let the agent go on after its model was lost."""
        self._recording.before_speech(self._line.resume)

    def let_answer(self) -> None:
        """Let the agent answer the first words; an announcement goes before that, and then its greeting."""
        if self._recording.is_to_be_announced:
            self._line.silence()
            self._recording.before_speech(self._greet_after_all)
        else:
            self._line.greeted()
            self._recording.before_speech(_nothing)

    def _greet_after_all(self) -> None:
        self._line.unsilence()
        self._line.greet()


def _nothing() -> None:
    """The model answers by itself."""
