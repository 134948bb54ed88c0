"""The ``[trunks.outbound]`` and ``[sip.outbound]`` tables: which calls of ours may go out, and how."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from talkpath.sip import messages

from .values import Duration, Kind, Section, refuse

_PATTERN = re.compile(r"[^\s<>\"@]+(?:@[A-Za-z0-9_.\-*?:]+)?")


def _check_pattern(text: str) -> str:
    if not text or not _PATTERN.fullmatch(text):
        refuse(
            f'"{text}" is not a destination',
            'Write numbers like "+4930*" or "7??", or with a host: "*@pbx.example.com".',
        )
    return text


DestinationPattern = Annotated[str, AfterValidator(_check_pattern), Kind("number or address with * and ?")]
CallerIdentity = Annotated[
    str, Field(pattern=r"^(sips?:[^\s<>\"?]+|[+0-9A-Za-z_.\-]*)$"), Kind("number or SIP address")
]


class OutboundConfig(Section):
    """Calls of ours. Nothing may be called until ``allow`` says so."""

    allow: tuple[DestinationPattern, ...] = Field(
        default=(),
        description=(
            "Destinations that may be called, with * and ?. Without @: numbers at this trunk; with @: "
            "anywhere. None: only what the operator names himself (`talkpath call`, transfer targets)."
        ),
        examples=[["7??", "+49*"]],
    )
    caller: CallerIdentity = Field(
        default="",
        description="Number or SIP address that we call from; without it, our user at the registrar.",
        examples=["+4930901820"],
    )
    caller_name: str = Field(
        default="", max_length=80, description="Name that the callee sees.", examples=["Bicycle shop"]
    )
    identity: Literal["from", "asserted", "preferred"] = Field(
        default="from",
        description=(
            "Header that names the caller besides From: P-Asserted-Identity for a carrier that trusts us, "
            "P-Preferred-Identity for one that checks."
        ),
    )
    private: bool = Field(default=False, description="Hide our number from the callee (Privacy: id).")
    redirects: Literal["fail", "follow"] = Field(
        default="fail",
        description="What a redirection (3xx) does; follow goes to targets within allow only.",
    )
    early_media: Literal["hear", "ignore"] = Field(
        default="hear", description="What becomes of sound before the answer (183)."
    )
    ring_timeout: Duration = Field(
        default=60.0, ge=5, le=180, description="How long a call of ours rings before we give up."
    )
    max_calls: int = Field(default=0, ge=0, description="Calls of ours at once; 0 means no limit of its own.")
    calls_per_second: float = Field(
        default=5.0, gt=0, le=1000, description="Calls of ours that may begin in a second."
    )


class AgentOutboundConfig(Section):
    """What an agent does with whoever it calls."""

    wait_for_voice: Duration = Field(
        default=2.5,
        ge=0,
        le=30,
        description=(
            "How long the agent waits for the first words of whom it has called, which its greeting answers. "
            "Whoever says nothing for so long is greeted all the same. 0: at once."
        ),
    )
    answering_machine: Literal["tell", "hang_up", "ignore"] = Field(
        default="tell",
        description=(
            "What is done when a machine picks up: tell keeps the agent quiet until it records, and lets it "
            "know; hang_up ends the call; ignore does not look for one."
        ),
    )


def outbound_settings(outbound: OutboundConfig) -> messages.OutboundSettings:
    """Say the same to the SIP process."""
    return messages.OutboundSettings(
        allow=outbound.allow,
        caller=outbound.caller,
        caller_name=outbound.caller_name,
        identity=outbound.identity,
        private=outbound.private,
        redirects=outbound.redirects,
        early_media=outbound.early_media,
        ring_timeout=outbound.ring_timeout,
        max_calls=outbound.max_calls,
        calls_per_second=outbound.calls_per_second,
    )
