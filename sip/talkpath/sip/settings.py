"""What the SIP process is told once, at its start, and the base of all messages."""

from __future__ import annotations

from typing import Literal

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all messages. The tag on the wire is the class name."""


Header = tuple[str, str]
"""A SIP header as it stood in the message: name and value. Order and duplicates are kept."""

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


class OutboundSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What calls of ours may do on one trunk. By default: nothing, because a call costs money."""

    allow: tuple[str, ...] = ()
    """Patterns of destinations, see `talkpath.sip.outbound.Destinations`; none: no call."""
    caller: str = ""
    """Number or SIP URI that we call from; empty: our user at the registrar."""
    caller_name: str = ""
    identity: Literal["from", "asserted", "preferred"] = "from"
    """Where the caller stands besides From: P-Asserted-Identity, P-Preferred-Identity (RFC 3325), nowhere."""
    private: bool = False
    """Hide the caller from the callee: an anonymous From and ``Privacy: id`` (RFC 3323, RFC 3325)."""
    redirects: Literal["fail", "follow"] = "fail"
    """What a 3xx does. A target of a redirection is followed within ``allow`` only."""
    early_media: Literal["hear", "ignore"] = "hear"
    """Whether what comes before the answer (183 with SDP) is told to the worker."""
    ring_timeout: float = 60.0
    max_calls: int = 0
    """Calls of ours at once; 0: no limit of their own."""
    calls_per_second: float = 5.0


class TrunkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A peer that we register to, that we accept calls from, or both."""

    name: str
    registrar: str = ""
    """SIP URI to register at, for example ``sip:pbx.example.com;transport=tcp``; empty: no registration."""
    backup_registrars: tuple[str, ...] = ()
    """Registrars that are asked in turn when the first does not answer."""
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
    trust_contact: bool = False
    """Send requests to the Contact of an INVITE also when it came through a NAT (`talkpath.sip.nat`)."""
    challenge: bool = False
    """Ask for user name and password (digest) before an INVITE of this trunk is taken."""
    accept_replaces: bool = False
    """An INVITE with Replaces (RFC 3891) may take the place of the peer in an answered call of this trunk."""
    accept_refer: bool = False
    """A REFER in a call of this trunk is obeyed, within what ``outbound`` allows."""
    max_calls: int = 0
    """Calls at once, both ways together; 0: no limit of its own."""
    outbound: OutboundSettings = OutboundSettings()

    @property
    def registrars(self) -> tuple[str, ...]:
        """All registrars, the preferred one first."""
        return (self.registrar, *self.backup_registrars) if self.registrar else ()


class TraceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whose SIP messages are shown, and where those of all calls are sent."""

    callers: tuple[str, ...] = ()
    """Numbers, with ``*`` and ``?``, of callers or callees whose messages go into the log."""
    homer: str = ""
    """``address:port`` of a Homer server (HEP3 over UDP); empty: none."""
    capture_id: int = 0
    homer_key: Secret = Secret("")


class SipSettings(Message, frozen=True):
    """All that the SIP process needs to know."""

    listeners: tuple[Listener, ...]
    trunks: tuple[TrunkSettings, ...] = ()
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    tls: TlsSettings = TlsSettings()
    nameservers: tuple[str, ...] = ()
    """IP addresses of name servers that the stack asks itself, for SRV and NAPTR too (RFC 3263); none: the
    system's resolver, which knows addresses only."""
    user_agent: str = "Talkpath"
    max_calls: int = 1000
    calls_per_second_per_source: float = 60.0
    blocked_user_agents: tuple[str, ...] = ()
    """Words in the User-Agent of requests that are dropped, besides those of known attack tools."""
    decision_seconds: float = 20.0
    """A worker silent about a call for this long is taken for dead: 503, so that the PBX tries elsewhere."""
    accept_private_sources: bool = True
    """With no trunk at all: take calls from loopback and private addresses."""
    outbound: OutboundSettings = OutboundSettings()
    """For calls of ours that name no trunk."""
    trace: TraceSettings = TraceSettings()
