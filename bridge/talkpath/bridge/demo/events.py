"""What the caller's process reports: one JSON object a line on its standard output.

``at`` is seconds since the recording began, which is when its media came up; 0 before that.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Who = Literal["caller", "agent", "human"]


class CallerReport(msgspec.Struct, tag_field="event", frozen=True):
    """The base of all reports."""

    at: float


class Prepared(CallerReport, tag="prepared", frozen=True):
    """The sentences are spoken and the stack is up; waits for the address to call."""

    stack: str


class Answered(CallerReport, tag="answered", frozen=True):
    """200 came.

    Attributes:
        setup_ms: from our INVITE to it.
    """

    setup_ms: float


class RecordingBegan(CallerReport, tag="recording_began", frozen=True):
    """The first frame was recorded.

    Attributes:
        wall: Unix time of that moment, to put the lines of the daemon's log on the same axis.
        codec: what was negotiated.
    """

    wall: float
    codec: str


class Recorded(CallerReport, tag="recorded", frozen=True):
    """A recording of one of several telephones is complete.

    Attributes:
        who: whose telephone.
        wall: Unix time of its first frame; 0 when there was none.
    """

    who: Who
    wall: float


class Began(CallerReport, tag="began", frozen=True):
    """Somebody begins to speak, as heard at the caller's end.

    Attributes:
        who: ``caller``, ``agent``, or ``human`` in the demo of a transfer.
        act: name of the caller's act; empty for the agent.
        words: what the caller says; empty for the agent, whose words are known to the model only.
        interrupts: whether the caller speaks while the agent does.
    """

    who: Who
    act: str = ""
    words: str = ""
    interrupts: bool = False


class Ended(CallerReport, tag="ended", frozen=True):
    """That speech is over; ``at`` is the end of its last loud frame."""

    who: Who


class Pressed(CallerReport, tag="pressed", frozen=True):
    """The caller pressed a key."""

    key: str


class Levels(CallerReport, tag="levels", frozen=True):
    """How loud the two are now, in dBov."""

    caller: float
    agent: float


class Reception(CallerReport, tag="reception", frozen=True):
    """What the caller's own stack counted of the agent's RTP."""

    packets: int
    lost: int
    discarded: int
    jitter_ms: float


class HungUp(CallerReport, tag="hung_up", frozen=True):
    """The dialog is over.

    Attributes:
        by: who sent the BYE.
        status: SIP status of the end.
        reason: its words.
    """

    by: Who
    status: int
    reason: str


class Problem(CallerReport, tag="problem", frozen=True):
    """The call did not go as it should; the sentence says how."""

    sentence: str


Report = (
    Prepared
    | Answered
    | RecordingBegan
    | Recorded
    | Began
    | Ended
    | Pressed
    | Levels
    | Reception
    | HungUp
    | Problem
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def encode(report: Report) -> bytes:
    """Return the line of a report, with its line end."""
    return _encoder.encode(report) + b"\n"


def decode(line: bytes) -> Report:
    """Read a line.

    Raises:
        msgspec.DecodeError: it is not a report.
    """
    return _decoder.decode(line)
