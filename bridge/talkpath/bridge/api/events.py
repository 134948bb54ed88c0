"""What the stream of events tells: one model per kind. Pure.

The wire is that of Server-Sent Events (WHATWG HTML, section 9.2): the kind stands in ``event``, the model as
JSON in ``data``.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from .models import Call, Line, LiveCall, Model, Quality, Registration


class Snapshot(Model):
    """All that is known at the beginning of a stream."""

    kind: Literal["snapshot"] = "snapshot"
    calls: tuple[LiveCall, ...] = Field(description="The live calls.")
    registrations: tuple[Registration, ...] = Field(description="The registrations.")


class CallStarted(Model):
    """A call exists."""

    kind: Literal["call.started"] = "call.started"
    call: Call = Field(description="The call.")


class CallChanged(Model):
    """A call is in another state, has media, took a turn, was interrupted, is transferred, or is logged."""

    kind: Literal["call.changed"] = "call.changed"
    what: Literal["state", "media", "turn", "interruption", "transfer", "debug"] = Field(
        description="What changed."
    )
    call: Call = Field(description="The call as it is now.")


class CallSaid(Model):
    """A piece of what is said."""

    kind: Literal["call.said"] = "call.said"
    call: str = Field(description="Id of the call.")
    line: Line = Field(description="The utterance so far.")


class CallerSpoke(Model):
    """The caller began to speak, or stopped."""

    kind: Literal["call.speaking"] = "call.speaking"
    call: str = Field(description="Id of the call.")
    speaking: bool = Field(description="Whether the caller speaks.")


class ToolCalled(Model):
    """The agent called a function."""

    kind: Literal["call.tool"] = "call.tool"
    call: str = Field(description="Id of the call.")
    at: datetime = Field(description="When.")
    tool: str = Field(description="Name of the function.")


class Figure(Model):
    """How one call sounds."""

    call: str = Field(description="Id of the call.")
    caller_level: float = Field(description="Loudest 20 ms of the caller since the last figures, in dBov.")
    agent_level: float = Field(description="The same of the agent.")
    quality: Quality | None = Field(description="Every two seconds; else null.")


class Figures(Model):
    """How the calls of a worker sound, four times a second."""

    kind: Literal["figures"] = "figures"
    calls: tuple[Figure, ...] = Field(description="One for each call.")


class CallEnded(Model):
    """A call is over. Its record is there a moment later."""

    kind: Literal["call.ended"] = "call.ended"
    call: str = Field(description="Id of the call.")
    at: datetime = Field(description="When.")
    outcome: str = Field(description="completed, transferred, refused, abandoned or failed.")
    cause: str = Field(description="Why it ended.")
    ended_by: str = Field(description="Who ended it: caller, callee, us or failure.")
    reason: str = Field(description="A sentence, or empty.")
    sip_status: int = Field(description="SIP status that ended it; 0: none.")
    talk_seconds: float = Field(description="From the answer to the end.")
    transfer: str = Field(description="What became of the last transfer; empty: there was none.")
    transfer_target: str = Field(description="Its target.")
    answered_by: str = Field(
        description="Who picked up a call of ours, human or machine; empty: not found out."
    )
    recording: bool = Field(description="Whether there is a recording.")


class RegistrationChanged(Model):
    """A registration changed."""

    kind: Literal["registration"] = "registration"
    registration: Registration = Field(description="As it is now.")


Event = (
    Snapshot
    | CallStarted
    | CallChanged
    | CallSaid
    | CallerSpoke
    | ToolCalled
    | Figures
    | CallEnded
    | RegistrationChanged
)


def encode(event: Event, number: int) -> bytes:
    """Write an event for the wire; JSON has no line ends, so that one line of data is enough."""
    return f"id: {number}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n".encode()
