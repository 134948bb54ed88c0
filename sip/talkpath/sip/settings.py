"""What the SIP process is told once, at its start, and the base of all messages."""

from __future__ import annotations

from typing import Literal

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all messages. The tag on the wire is the class name."""


Transport = Literal["udp", "tcp", "tls"]


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """One address on which SIP is spoken."""

    transport: Transport
    host: str
    port: int
    advertised_address: str = ""


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Files and policy of TLS. Empty strings mean "not set"."""

    certificate_file: str = ""
    private_key_file: str = ""
    ca_file: str = ""
    verify_server: bool = True
    verify_client: bool = False


class Secret(msgspec.Struct, frozen=True):
    """A password. Its repr shows nothing, so that it cannot end up in a log or a traceback."""

    value: str

    def __repr__(self) -> str:
        return "Secret('***')" if self.value else "Secret('')"


SrtpPolicy = Literal["off", "optional", "mandatory"]
"""SRTP with keys in the SDP (SDES, RFC 4568). Optional: taken when the peer offers it, offered as RTP/AVP
with ``a=crypto``. Mandatory: nothing else is taken, and RTP/SAVP is offered."""


class TrunkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A peer that we register to, that we accept calls from, or both."""

    name: str
    registrar: str = ""
    """SIP URI to register at, for example ``sip:pbx.example.com;transport=tcp``; empty: no registration."""
    username: str = ""
    password: Secret = Secret("")
    realm: str = "*"
    source_networks: tuple[str, ...] = ()
    """CIDR networks whose INVITEs belong to this trunk."""
    advertised_address: str = ""
    outbound_proxy: str = ""
    register_interval: int = 300
    codecs: tuple[str, ...] = ()
    srtp: SrtpPolicy = "off"
    challenge: bool = False
    """Ask for user name and password (digest) before an INVITE of this trunk is taken."""


class SipSettings(Message, frozen=True):
    """All that the SIP process needs to know."""

    listeners: tuple[Listener, ...]
    trunks: tuple[TrunkSettings, ...] = ()
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    tls: TlsSettings = TlsSettings()
    user_agent: str = "Talkpath"
    max_calls: int = 1000
    calls_per_second_per_source: float = 60.0
    decision_seconds: float = 20.0
    """A worker silent about a call for this long is taken for dead: 503, so that the PBX tries elsewhere."""
    accept_private_sources: bool = True
    """With no trunk at all: take calls from loopback and private addresses."""
