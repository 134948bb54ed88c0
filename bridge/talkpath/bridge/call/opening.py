"""How the agent opens the conversation: with its greeting, at once or as the answer to whoever was called.

People who pick up a telephone say "hello?" first. An agent that speaks at once speaks over them. So it gets
its greeting as a note and waits; the model's own response to the "hello?" is then the greeting, and may say
more where more was asked. Nothing is said twice, because there is only this one response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.recording import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.call.recording import CallRecording
    from talkpath.bridge.call.screening.screen import Screening


class Opening:
    """The first words of one call.

    Args:
        line: The agent.
        recording: May have to be announced before the agent speaks.
        make_screening: Makes what finds out who picked up; None: it shall not be found out.
    """

    def __init__(
        self, line: ModelLine, recording: CallRecording, make_screening: Callable[[], Screening] | None
    ) -> None:
        self.screening: Screening | None = None
        """Wants to `hear` the callee."""
        self._line = line
        self._recording = recording
        self._make_screening = make_screening

    def await_voice(self) -> None:
        """Whom we called has picked up, and speaks first."""
        self._line.await_voice()
        if self._make_screening is not None:
            self.screening = self._make_screening()

    def hear(self, audio: bytes) -> None:
        """Take 20 ms of the callee; while the announcement plays, these are not the callee's."""
        if self.screening is None or self._recording.stage is Stage.ANNOUNCING:
            return
        self.screening.hear(audio)
        if self.screening.over:
            self.screening = None

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
