"""What has to be known before a first configuration can be written, and whether the answers make sense."""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic_core import PydanticCustomError

from talkpath.bridge.config.values import parse_sip_uri

Pbx = Literal["asterisk", "freeswitch", "other"]
"""PBXs whose side is written, too; of another one only its user and password can be told."""

OPENAI_URL = "wss://api.openai.com/v1/realtime"
MODEL = "gpt-realtime-2"


class BadAnswer(ValueError):  # noqa: N818 - it says what the answer is
    """An answer that makes no sense; the sentence says what would."""


def _password() -> str:
    return secrets.token_urlsafe(18)


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that a first configuration needs.

    Attributes:
        pbx: Which PBX it is.
        address: Its host name or IP address, with ``:port`` where that is not 5060.
        model: ``openai``, or the WebSocket URL of another server.
        agent: What the agent is and does, in plain words.
        extension: Number that callers dial to reach the agent.
        port: UDP port for SIP; 0: 5060, or 5070 where the PBX is on this machine and has that.
        password: Of the registration.
    """

    pbx: Pbx
    address: str
    model: str = "openai"
    agent: str = "You answer the phone. Be brief and friendly."
    extension: str = "700"
    port: int = 0
    password: str = field(default_factory=_password, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            BadAnswer: an answer makes no sense.
        """
        check_pbx(self.pbx)
        check_address(self.address)
        check_model(self.model)
        check_agent(self.agent)
        if not re.fullmatch(r"[0-9*#]{1,15}", self.extension):
            raise BadAnswer(f'"{self.extension}" is no extension. Use digits, like 700.')
        if not 0 <= self.port <= 65535:
            raise BadAnswer(f"{self.port} is no port. Choose one from 1024 to 65535.")

    @property
    def url(self) -> str:
        """WebSocket URL of the model."""
        return OPENAI_URL if self.model == "openai" else self.model

    @property
    def user(self) -> str:
        """Name that Talkpath registers under: FreeSWITCH reaches a user by its number."""
        return self.extension if self.pbx == "freeswitch" else "talkpath"

    @property
    def sip_port(self) -> int:
        """UDP port for SIP."""
        return self.port or (5070 if is_local(self.address) else 5060)


def check_pbx(text: str) -> str:
    """Return the answer.

    Raises:
        BadAnswer: it is not one of the choices.
    """
    if text not in get_args(Pbx):
        raise BadAnswer(f'"{text}" is none of the choices. Choose asterisk, freeswitch or other.')
    return text


def check_address(text: str) -> str:
    """Return the answer.

    Raises:
        BadAnswer: it is not a host.
    """
    try:
        parse_sip_uri(f"sip:{text}")
    except PydanticCustomError:
        text = ""
    if not text or not re.fullmatch(r"[A-Za-z0-9.\-:\[\]]+", text):
        raise BadAnswer("That is no address. Write a host name or IP address, like 192.0.2.10.")
    return text


def check_model(text: str) -> str:
    """Return the answer.

    Raises:
        BadAnswer: it is neither ``openai`` nor a WebSocket URL.
    """
    if text != "openai" and not re.fullmatch(r"wss?://[^\s\"\\]+", text):
        raise BadAnswer("Write openai, or the WebSocket URL of another server, like wss://host/v1/realtime.")
    return text


def check_agent(text: str) -> str:
    """Return the answer on one line.

    Raises:
        BadAnswer: there are no words in it.
    """
    line = " ".join(text.split())
    if not line or not line.isprintable():
        raise BadAnswer("Say in plain words what the agent is and does.")
    return line


def is_local(address: str) -> bool:
    """Whether a PBX at this address shares our machine."""
    host = address.rpartition(":")[0] or address
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
