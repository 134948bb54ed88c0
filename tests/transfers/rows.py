"""What is transferred to whom, over what, and what has to come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Mode = Literal["blind", "warm", "bridge"]
Human = Literal["answers", "is busy", "does not answer", "rejects", "declines", "is a machine"]
Transport = Literal["udp", "tls", "tls+srtp"]

MODES: Final[tuple[Mode, ...]] = ("blind", "warm", "bridge")
HUMANS: Final[tuple[Human, ...]] = (
    "answers",
    "is busy",
    "does not answer",
    "rejects",
    "declines",
    "is a machine",
)
TRANSPORTS: Final[tuple[Transport, ...]] = ("udp", "tls", "tls+srtp")

_FAILURES: Final[dict[Human, frozenset[str]]] = {
    "is busy": frozenset({"busy"}),
    "does not answer": frozenset({"no_answer"}),
    # Asterisk hands a 603 of the telephone on as 403, with the cause 21.
    "rejects": frozenset({"rejected"}),
    "declines": frozenset({"declined"}),
    "is a machine": frozenset({"no_decision"}),
}
_BRIEFED: Final = frozenset({"declines", "is a machine"})
"""Only who is asked can decline."""


@dataclass(frozen=True)
class Trunk:
    """How the PBX and Talkpath reach each other, and whether the PBX takes REFER."""

    transport: Transport = "udp"
    refer: bool = True

    @property
    def label(self) -> str:
        """For tables and names of tests."""
        return f"{self.transport}, REFER {'allowed' if self.refer else 'refused'}"


@dataclass(frozen=True)
class Row:
    """One call."""

    mode: Mode
    human: Human

    @property
    def number(self) -> str:
        """The extension of the human: tells the telephone what to do."""
        return f"1{MODES.index(self.mode)}{HUMANS.index(self.human)}"

    @property
    def dialled(self) -> str:
        """What the caller dials: tells Talkpath which agent answers, and so which target."""
        return f"7{self.number[1:]}"

    @property
    def joins(self) -> bool:
        """Whether caller and human shall talk to each other at the end."""
        return self.human == "answers"

    def reasons(self, trunk: Trunk) -> frozenset[str]:
        """What Talkpath may call the outcome."""
        if not self.joins:
            # Asterisk takes the caller away, calls us anew when the human is not there, and reports that.
            sent_back = self.mode == "blind" and trunk.refer
            return frozenset({"referred"}) if sent_back else _FAILURES[self.human]
        return frozenset({"referred" if trunk.refer and self.mode != "bridge" else "bridged"})


ROWS: Final = tuple(
    Row(mode, human) for mode in MODES for human in HUMANS if mode == "warm" or human not in _BRIEFED
)
TRUNKS: Final = tuple(Trunk(transport, refer) for transport in TRANSPORTS for refer in (True, False))
