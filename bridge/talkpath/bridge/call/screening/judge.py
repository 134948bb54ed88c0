"""Human or machine: goes by how long the first words are, and by the beep. Pure; time is counted in frames.

A human says "hello?" or a firm's name and then waits; a machine talks on, beeps, and then waits. So:

- first words of five seconds without a pause of one second: a machine. A shorter utterance: a human.
- a short pure tone after words is the beep. It makes a machine also of one that seemed human, if it comes
  within three seconds: "Bob's telephone, leave a message" is soon said.
- behind the words of a machine, a beep means that it records, and so do two seconds of quiet.

What it cannot tell: a machine with long pauses and no beep, a human who recites. The model has the words to
go by; this only tells it what it has no sense for.
"""

from __future__ import annotations

import enum
from typing import Final

from talkpath.bridge.call.screening.sound import Kind

FRAME: Final = 0.02
YOUNG: Final = 60.0
"""Seconds after the answer for which is listened, at the longest."""
LONG_WORDS: Final = 5.0
"""Seconds of first words that no human says."""
PAUSE: Final = 1.0
"""Seconds of quiet that end the first words."""
LATE_BEEP: Final = 3.0
"""Seconds of quiet after words in which a beep is still that of a machine."""
RECORDS: Final = 2.0
"""Seconds of quiet after which a machine that was not heard to beep is taken to record."""
WORDS: Final = 0.6
"""Seconds of voice that go before a beep; a tone without words is a fax machine, or ringing."""
BEEP: Final = (0.1, 0.9)
"""Seconds that a beep lasts; European ringback tones last one second."""


class Finding(enum.Enum):
    """What was found out."""

    HUMAN = "human"
    MACHINE = "machine"
    """It is still talking."""
    BEEP = "beep"
    """A machine, and its tone is over: it records."""
    QUIET = "quiet"
    """The machine has stopped talking: it probably records."""


class Phase(enum.Enum):
    """What is waited for."""

    WORDS = "words"
    """The end of the first words, or that they have none."""
    LATE_BEEP = "late_beep"
    """A beep behind what seemed a human's words, or where it was no longer expected."""
    RECORDING = "recording"
    """That the machine records."""
    OVER = "over"


class Judge:
    """Judges one callee, from the answer on."""

    def __init__(self) -> None:
        self.phase = Phase.WORDS
        self._frames = 0
        self._first_voice = 0
        self._voiced = 0
        self._quiet = 0
        self._tonal = 0

    @property
    def words(self) -> float:
        """Seconds from the first voice to the last."""
        return (self._frames - self._quiet - self._first_voice) * FRAME if self._voiced else 0.0

    def feed(self, kind: Kind) -> Finding | None:
        """Take the next 20 ms.

        Returns:
            What is known now, and was not before.
        """
        self._frames += 1
        beeped = self._count(kind)
        if self.phase is Phase.OVER:
            return None
        if beeped:
            return self._found(Finding.BEEP, Phase.OVER)
        if self._frames * FRAME >= YOUNG:
            return self._grow_old()
        return self._by_time()

    def _by_time(self) -> Finding | None:
        quiet = self._quiet * FRAME
        match self.phase:
            case Phase.WORDS if self._voiced and quiet >= PAUSE:
                return self._found(Finding.HUMAN, Phase.LATE_BEEP)
            case Phase.WORDS if self.words >= LONG_WORDS:
                return self._found(Finding.MACHINE, Phase.RECORDING)
            case Phase.LATE_BEEP if quiet >= LATE_BEEP:
                self.phase = Phase.OVER
            case Phase.RECORDING if quiet >= RECORDS:
                return self._found(Finding.QUIET, Phase.LATE_BEEP)
        return None

    def _grow_old(self) -> Finding | None:
        """A machine that never stops is not waited for any longer."""
        waited = self.phase is Phase.RECORDING
        self.phase = Phase.OVER
        return Finding.QUIET if waited else None

    def _found(self, finding: Finding, phase: Phase) -> Finding:
        self.phase = phase
        return finding

    def _count(self, kind: Kind) -> bool:
        """Count the frame; True: a beep has just ended."""
        if kind is Kind.TONE:
            self._tonal += 1
            return False
        tone, self._tonal = self._tonal, 0
        if kind is Kind.QUIET:
            self._quiet += 1
        else:
            self._first_voice = self._first_voice if self._voiced else self._frames
            self._voiced += 1
            self._quiet = 0
        return self._voiced * FRAME >= WORDS and BEEP[0] <= tone * FRAME <= BEEP[1]
