"""The ``[phone]`` section: a telephone in the browser, to try agents with."""

import ipaddress
from typing import Annotated

from pydantic import BeforeValidator, Field

from .values import Kind, Section, refuse


def _ip_address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        refuse(f'"{value}" is not an IP address of this machine', 'Write it like "192.0.2.10".')


class PhoneConfig(Section):
    """A telephone in the browser, at /phone: WebRTC to an agent, with no PBX and no SIP between."""

    enabled: bool = Field(default=False, description="Serve it; it takes a token of [api] operate.")
    max_calls: int = Field(
        default=2,
        ge=1,
        le=20,
        description="Calls of browsers at once; each costs many times what a SIP call costs.",
    )
    agents: tuple[str, ...] = Field(
        default=(),
        description="Agents that may be chosen, the first one first; without it, all.",
        examples=[["reception"]],
    )
    addresses: tuple[Annotated[str, BeforeValidator(_ip_address), Kind("address")], ...] = Field(
        default=(),
        max_length=8,
        description="IP addresses of this machine that browsers send to, by UDP; without it, all it has.",
        examples=[["192.0.2.10"]],
    )
    trunk: str | None = Field(
        default=None,
        description="Trunk by which an agent transfers such a call; without it, the only one there is.",
        examples=["pbx"],
    )
