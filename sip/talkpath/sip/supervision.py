"""Messages between the supervisor and its children, the SIP process and the workers."""

from __future__ import annotations

from typing import Literal

import msgspec

from talkpath.sip.settings import Message, Secret


class Ready(Message, frozen=True):
    """A child has read its settings and does its work."""

    detail: str = ""


class ListenFailed(Message, frozen=True):
    """A listener could not be opened. The supervisor prints ``problem`` and stops."""

    problem: str


class SetUpFailed(Message, frozen=True):
    """A worker cannot do its work with these settings: a tool or a certificate file is missing, say."""

    problem: str


class RegistrationState(Message, frozen=True):
    """A registration changed."""

    trunk: str
    registered: bool
    status: int
    reason: str
    expires_in: int = 0


class Admission(Message, frozen=True):
    """The supervisor's word on new calls: 503 while draining or when no worker has a free lane."""

    draining: bool
    free_lanes: int
    overloaded: bool = False
    """There are no free lanes because a worker does not keep up with the calls it has."""


class WorkerSettings(Message, frozen=True):
    """First message to a worker: who it is and the whole configuration as JSON."""

    index: int
    config_json: Secret
    first_rtp_port: int
    last_rtp_port: int
    lanes: int


class WorkerLoad(Message, frozen=True):
    """Sent by a worker when it does not keep up with its calls any more, and when it does again."""

    calls: int
    lanes: int
    overloaded: bool = False


class PeerLost(Message, frozen=True):
    """A process died. To a worker: the SIP process. To the SIP process: the worker that had ``calls``."""

    who: Literal["sip", "worker"]
    calls: tuple[str, ...] = ()


class Stop(Message, frozen=True):
    """End now: hang up what is left, close everything, exit."""

    reason: str = ""


class Drain(Message, frozen=True):
    """No new calls; say goodbye to the live ones after ``seconds``."""

    seconds: float


class CallReport(Message, frozen=True):
    """Worker to supervisor: one piece of all that is known of a finished call, for whoever keeps records.

    The pieces of one call come in order, with none of another call of the same worker between them.
    """

    call: str
    number: int
    """Which piece, from 0."""
    of: int
    """How many pieces there are."""
    body: bytes
    """Private: words of people. Encoded by the worker, read by nobody on the way."""

    def __repr__(self) -> str:
        return f"CallReport(call={self.call!r}, {self.number + 1} of {self.of}, {len(self.body)} octets)"


class Originate(Message, frozen=True):
    """Supervisor to a worker: place a call for an agent."""

    call: str
    uri: str
    agent: str
    trunk: str = ""
    vouched: bool = False
    """As in `PlaceCall`."""


class SipStatistics(Message, frozen=True):
    """Counters of the SIP process since its start, sent about once a second when they changed.

    Keys are ``name`` or ``name:label``; see the metrics catalogue for the meaning of each.
    """

    counters: dict[str, int]
    gauges: dict[str, int] = msgspec.field(default_factory=dict)
    """What is alive now: ``calls``, ``calls_max``, ``draining``, ``free_lanes``, ``registrations``,
    ``sources``."""
