"""Requests and answers of the control API. Pure: what they mean is elsewhere."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Who = Literal["caller", "agent"]
Role = Literal["read", "operate"]


class Model(BaseModel):
    """Base of all: immutable, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# Answers --------------------------------------------------------------------------------------------


class Quality(Model):
    """How the network treats the call at the moment."""

    mos: float | None = Field(default=None, description="Mean opinion score of what we receive, 1 to 4.5.")
    loss_percent: float | None = Field(default=None, description="Packets lost on the way to us.")
    jitter_ms: float | None = Field(default=None, description="Jitter on the way to us (RFC 3550).")
    round_trip_ms: float | None = Field(default=None, description="There and back, by RTCP.")


class TransferTry(Model):
    """A destination of a transfer."""

    destination: str = Field(description="As configured; empty: an announcement.")
    mode: str = Field(description="warm, blind, bridge or announcement.")
    outcome: str = Field(description="What came of it: referred, bridged, busy, …; empty: it is under way.")
    status: int = Field(description="SIP status that ended it; 0: none.")


class Transfer(Model):
    """A transfer that is under way, or was the last."""

    target: str = Field(description="Name of the target.")
    state: str = Field(description="Where it is.")
    asked_by: Literal["agent", "operator"] = Field(description="Who asked for it.")
    outcome: str = Field(description="transferred, returned, caller_gone or refused; empty: it is under way.")
    cause: str = Field(description="Why: referred, bridged, busy, …; empty: it is under way.")
    reason: str = Field(description="What the caller wants, in the words of the agent or the operator.")
    summary: str = Field(description="What the human is told, in the same words.")
    accepted_by: str = Field(description="The destination that took the call; empty: none.")
    accepted_how: Literal["", "briefing", "answer", "report"] = Field(
        description="They agreed to the briefing, they just answered, or the PBX reports it."
    )
    attempts: tuple[TransferTry, ...] = Field(description="What was tried, in order.")


class Line(Model):
    """Something that was said."""

    at: datetime = Field(description="When it was known.")
    who: Who = Field(description="Who said it.")
    item: str = Field(description="Names the utterance among those of the call.")
    text: str = Field(description="The words so far.")
    final: bool = Field(description="Whether these are all of them.")


class Call(Model):
    """A live call."""

    id: str = Field(description="Our id of the call.")
    sip_call_id: str = Field(description="Call-ID of its SIP dialog; empty for a call of ours.")
    state: str = Field(description="Where it is: offered, dialing, talking, transferring, ending, …")
    direction: Literal["inbound", "outbound"] = Field(description="Who called whom.")
    trunk: str = Field(description="Name of its trunk; empty: none.")
    agent: str = Field(description="Name of the agent.")
    model: str = Field(description="The agent's model.")
    caller: str = Field(description="Number or address that calls.")
    called: str = Field(description="Number or address that is called.")
    codec: str = Field(description="Codec on the wire; empty: none yet.")
    process: str = Field(description="The worker that has it.")
    started_at: datetime = Field(description="When the INVITE came or was ordered.")
    answered_at: datetime | None = Field(description="When they began to talk; null: not yet.")
    turns: int = Field(description="Answers of the agent so far.")
    latency_ms: float | None = Field(description="From the caller's last word to the last answer.")
    interruptions: int = Field(description="How often the caller interrupted the agent.")
    caller_speaking: bool = Field(description="Whether the caller is speaking; known while watched.")
    quality: Quality = Field(description="Known while watched.")
    transfer: Transfer | None = Field(description="The last transfer; null: there was none.")
    debug: bool = Field(description="Whether everything about it is logged.")


class LiveCall(Call):
    """A live call with what was said."""

    transcript: tuple[Line, ...] = Field(description="The last utterances, the oldest first.")


class Calls(Model):
    """The live calls."""

    calls: tuple[Call, ...] = Field(description="The oldest first.")


class Registration(Model):
    """A registration of ours at a trunk."""

    trunk: str = Field(description="Name of the trunk.")
    registered: bool = Field(description="Whether we are registered now.")
    status: int = Field(description="The registrar's last answer; 0: none yet.")
    reason: str = Field(description="The same in words.")


class Registrations(Model):
    """The registrations that the configuration asks for."""

    registrations: tuple[Registration, ...] = Field(description="In the order of the configuration.")


class Process(Model):
    """A process of the daemon."""

    ready: bool = Field(description="Whether it works.")
    pid: int | None = Field(description="Its process id while it runs.")
    restarts: int = Field(description="How often it died and was started again.")


class Health(Model):
    """The state of the daemon."""

    ok: bool = Field(description="Whether it should get calls.")
    problems: tuple[str, ...] = Field(description="Why not, in sentences.")
    version: str = Field(description="Version of Talkpath.")
    uptime_seconds: float = Field(description="Age of the daemon.")
    calls: int = Field(description="Dialogs that exist now; a transfer may have two.")
    free_lanes: int = Field(description="Calls that could be added.")
    draining: bool = Field(description="Whether new calls are refused because the daemon ends.")
    processes: dict[str, Process] = Field(description="By name.")


class Desk(Model):
    """What an operator may choose from."""

    name: str = Field(description="Name of the token.")
    role: Role = Field(description="What it may do.")
    listen: bool = Field(description="Whether it may listen to live calls.")
    agents: tuple[str, ...] = Field(description="Agents that can place calls.")
    trunks: tuple[str, ...] = Field(description="Trunks.")
    targets: tuple[str, ...] = Field(description="Targets of transfers.")
    records: bool = Field(description="Whether calls that are over are kept.")
    phone: bool = Field(description="Whether browsers may call agents.")


class Placed(Model):
    """A call was ordered."""

    call: str = Field(description="Its id. What becomes of it is told by the events, and by its record.")


class Problem(Model):
    """Why a request was not carried out (RFC 9457)."""

    title: str = Field(description="The kind of problem.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong and what to do.")


class Reload(Model):
    """What reading the configuration again has done."""

    changed: tuple[str, ...] = Field(description="Keys that changed.")
    waiting: tuple[str, ...] = Field(description="Keys whose change waits for a restart.")


# Requests -------------------------------------------------------------------------------------------


class PlaceCall(Model):
    """Whom to call, and who talks."""

    to: str = Field(
        min_length=1,
        max_length=200,
        description="Number, extension or SIP address; `outbound.allow` of the trunk must allow it.",
        examples=["+4930901820"],
    )
    trunk: str = Field(default="", max_length=64, description="Trunk to call by; empty: none.")
    agent: str = Field(default="", max_length=64, description="Agent; empty: the only one.")


class TransferCall(Model):
    """Where the call goes: exactly one of target and number."""

    target: str = Field(default="", max_length=64, description="Name of one of the `[[targets]]`.")
    number: str = Field(
        default="", max_length=200, description="Or a number that `outbound.allow` of the trunk allows."
    )
    mode: Literal["", "blind", "warm", "bridge"] = Field(
        default="", description="Empty: the target's own; warm for a number."
    )
    reason: str = Field(
        default="",
        max_length=500,
        description="What the caller wants, in a few words; the human is told, too.",
    )
    summary: str = Field(
        default="",
        max_length=2000,
        description="What the human is told about the call: by the briefing of a warm transfer, and by the "
        "SIP headers that the agent's transfer table names.",
    )

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if bool(self.target) == bool(self.number):
            raise ValueError("needs either target or number")
        return self


class Note(Model):
    """Something for the agent to know; the caller does not hear it."""

    text: str = Field(min_length=1, max_length=2000, description="The note.")
    respond: bool = Field(default=True, description="Whether the agent shall say something about it at once.")


class Keys(Model):
    """Keys to press on the call."""

    digits: Annotated[str, Field(min_length=1, max_length=32)] = Field(
        description="0 to 9, *, #, A to D; w is a pause of half a second, a comma one of two."
    )


class Debug(Model):
    """Whether everything about a call is logged."""

    on: bool = Field(default=True, description="Log everything from now on; false: no longer.")


class Drain(Model):
    """How the daemon ends."""

    now: bool = Field(default=False, description="Do not wait for the calls that live: hang up.")
