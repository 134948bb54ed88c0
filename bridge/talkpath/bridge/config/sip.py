"""The ``[sip]`` section and the ``[[trunks]]``."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .outbound import OutboundConfig
from .values import (
    Duration,
    Kind,
    Listen,
    ListenText,
    Network,
    PortRange,
    PortRangeText,
    Secret,
    Section,
    SipUri,
    ToldHeaders,
    refuse,
)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _check_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        refuse(f'"{text}" is not an IP address', 'Write it like "192.0.2.53".')


def _no_duplicates(items: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(items)) != len(items):
        refuse("names something twice", "Each may stand in the list once.")
    return items


Codec = Annotated[Literal["PCMU", "PCMA", "G722", "OPUS"], BeforeValidator(_upper)]
Codecs = Annotated[tuple[Codec, ...], AfterValidator(_no_duplicates)]
IpAddress = Annotated[str, AfterValidator(_check_address), Kind("IP address")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]+$"), Kind("address or host name")]


class TlsConfig(Section):
    """Certificates for SIP over TLS."""

    certificate: Path | None = Field(
        default=None,
        description="PEM file with our certificate and its chain.",
        examples=["/etc/talkpath/cert.pem"],
    )
    private_key: Path | None = Field(
        default=None,
        description="PEM file with the private key of the certificate.",
        examples=["/etc/talkpath/key.pem"],
    )
    ca: Path | None = Field(
        default=None,
        description="PEM file with the authorities we trust; without it, those of the system.",
        examples=["/etc/talkpath/ca.pem"],
    )
    verify_server: bool = Field(default=True, description="Refuse a server whose certificate is not trusted.")
    verify_client: bool = Field(
        default=False, description="Take calls only from peers that show a trusted certificate."
    )


class SipConfig(Section):
    """Where and how SIP is spoken."""

    listen: tuple[ListenText, ...] = Field(
        default=(Listen("udp", "0.0.0.0", 5060),),  # noqa: S104 - a telephone server listens to its network
        min_length=1,
        description="Addresses to listen on: a transport (udp, tcp, tls), an IP address, a port.",
    )
    advertised_address: HostName | None = Field(
        default=None,
        description="Address that others reach us at when a NAT stands between; put into SIP and SDP.",
        examples=["203.0.113.7"],
    )
    rtp_ports: PortRangeText = Field(
        default=PortRange(20000, 29999), description="UDP ports for the voice; each call takes two of them."
    )
    nameservers: tuple[IpAddress, ...] = Field(
        default=(),
        description=(
            "Name servers to ask for the SRV records of registrars and proxies (RFC 3263); without any, "
            "host names are looked up as the system does, for addresses alone."
        ),
        examples=[["192.0.2.53"]],
    )
    codecs: Codecs = Field(
        default=("PCMU", "PCMA"),
        min_length=1,
        description=(
            "Codecs to offer and accept: the first that the other side has is taken. G722 is wide-band voice "
            "in the same bandwidth, worth it with the audio format pcm, and costs more CPU per call. OPUS is "
            "wide-band in less, loses less where packets get lost, and costs two to three times the CPU."
        ),
    )
    user_agent: str = Field(default="Talkpath", description="What we call ourselves in SIP messages.")
    max_calls: int = Field(default=1000, ge=1, description="Calls at once; the next one hears 503.")
    calls_per_second_per_source: float = Field(
        default=60.0,
        gt=0,
        description="New calls a second that one address may start; more are answered 503.",
    )
    blocked_user_agents: tuple[Annotated[str, Field(min_length=3, max_length=80)], ...] = Field(
        default=(),
        description=(
            "Words in the User-Agent of requests that are dropped without an answer, besides those of known "
            "attack tools."
        ),
        examples=[["pplsip"]],
    )
    rtp_timeout: Duration = Field(
        default=60.0,
        ge=0,
        description=(
            "A call from which no voice packets arrive for so long is ended; not while it is on hold. "
            "0 means never."
        ),
    )
    outbound: OutboundConfig = Field(
        default_factory=OutboundConfig, description="Calls of ours that name no trunk."
    )
    tls: TlsConfig = Field(default_factory=TlsConfig, description="Certificates for SIP over TLS.")

    @model_validator(mode="after")
    def _tls_listener_has_a_certificate(self) -> Self:
        wants_tls = any(listen.transport == "tls" for listen in self.listen)
        if wants_tls and not (self.tls.certificate and self.tls.private_key):
            refuse(
                "listens on tls, but has no certificate",
                "Set certificate and private_key under [sip.tls].",
            )
        return self

    @model_validator(mode="after")
    def _listeners_differ(self) -> Self:
        if len(set(self.listen)) != len(self.listen):
            refuse("listens twice on the same address", "Leave one of them out.")
        return self


class TrunkConfig(Section):
    """A PBX or carrier: one that we register to, one that we take calls from, or both."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9_.\-]+$",
        description="Name of the trunk in routes, logs and metrics.",
        examples=["pbx"],
    )
    kind: Literal["asterisk", "freeswitch", "twilio", "telnyx", "generic"] = Field(
        default="generic",
        description=(
            "What the other side is. A transfer to a number writes user=phone for a carrier; to a PBX the "
            "number is an extension."
        ),
        examples=["asterisk"],
    )
    register_uri: SipUri | None = Field(
        default=None,
        alias="register",
        description="Registrar to register at; without it we do not register.",
        examples=["sip:pbx.example.com"],
    )
    backup_registrars: tuple[SipUri, ...] = Field(
        default=(),
        max_length=8,
        description="Registrars to register at, in turn, while the first does not answer.",
        examples=[["sip:pbx2.example.com"]],
    )
    username: str | None = Field(
        default=None,
        description="User name of the registration and for digest authentication.",
        examples=["talkpath"],
    )
    password: Secret | None = Field(
        default=None,
        description='Password; better "env:NAME" or "file:/path" than the word itself.',
        examples=["env:TRUNK_PASSWORD"],
    )
    password_file: Path | None = Field(
        default=None, description="File that holds the password.", examples=["/etc/talkpath/trunk-password"]
    )
    realm: str = Field(default="*", description="Digest realm that the password is for; * answers any.")
    match: tuple[Network, ...] = Field(
        default=(),
        description="Addresses and networks whose calls belong to this trunk.",
        examples=[["192.0.2.0/24"]],
    )
    advertised_address: HostName | None = Field(
        default=None, description="As in [sip], for this trunk alone.", examples=["203.0.113.7"]
    )
    outbound_proxy: SipUri | None = Field(
        default=None,
        description="Proxy that all requests to this trunk go through.",
        examples=["sip:sbc.example.com"],
    )
    agent: str | None = Field(
        default=None,
        description="Agent that answers this trunk's calls where no route says otherwise.",
        examples=["reception"],
    )
    codecs: Codecs = Field(default=(), description="Codecs of this trunk; empty means those of [sip].")
    srtp: Literal["off", "optional", "mandatory"] = Field(
        default="off",
        description=(
            "Encrypted voice (SRTP with keys in the SDP): off, optional (taken when the peer offers it), "
            "mandatory (a call without it gets 488). Keys travel in SIP: use TLS there."
        ),
    )
    trust_contact: bool = Field(
        default=False,
        description=(
            "Send our requests of a call (BYE, re-INVITE, REFER) to the address in its Contact, even when "
            "the call came from behind a NAT. Without it they go back where such a call came from."
        ),
    )
    headers: ToldHeaders = Field(
        default_factory=dict,
        description=(
            "SIP headers of the INVITE that the agent is told, and their names: for {name} in instructions "
            "and greeting, and for tools (call.facts)."
        ),
        examples=[{"X-Account": "account"}],
    )
    challenge: bool = Field(
        default=False,
        description="Ask the calls of this trunk for username and password (digest) before taking them.",
    )
    accept_replaces: bool = Field(
        default=False,
        description=(
            "Let the PBX put somebody else in the caller's place by an INVITE with Replaces (RFC 3891), as "
            "it does when a person hands a call to the agent. Without it such an INVITE hears 603."
        ),
    )
    accept_refer: bool = Field(
        default=False,
        description=(
            "Let the other side send the agent to another number by REFER (RFC 3515), within allow of "
            "[trunks.outbound]. Without it a REFER hears 603."
        ),
    )
    dtmf: Literal["auto", "rfc4733", "info"] = Field(
        default="auto",
        description=(
            "How an agent's keys are sent: rfc4733 in the voice stream, info as SIP INFO; "
            "auto takes INFO where the peer did not agree to the other."
        ),
    )
    hold: Literal["local", "signal"] = Field(
        default="local",
        description=(
            "How a caller is held who waits for a human, or whom the operator puts on hold: local, with our "
            "comfort sound alone; signal, a re-INVITE tells the other side, which may play its own music."
        ),
    )
    register_interval: Duration = Field(
        default=300.0, ge=30, le=86400, description="Lifetime of a registration that we ask for."
    )
    max_calls: int = Field(
        default=0,
        ge=0,
        description="Calls of this trunk at once, both ways together; 0 means no limit of its own.",
    )
    outbound: OutboundConfig = Field(
        default_factory=OutboundConfig, description="Calls of ours by this trunk; keys as in [sip.outbound]."
    )

    @property
    def servers(self) -> tuple[str, ...]:
        """SIP addresses of the registrar, of those behind it, and of the proxy; those that there are."""
        return tuple(filter(None, (self.register_uri, *self.backup_registrars, self.outbound_proxy)))

    @model_validator(mode="after")
    def _has_a_purpose(self) -> Self:
        if self.register_uri is None and not self.match and self.outbound_proxy is None:
            refuse(
                f'trunk "{self.name}" neither registers nor matches any address',
                'Add register = "sip:…" or match = ["192.0.2.10"].',
            )
        return self

    @model_validator(mode="after")
    def _backups_have_a_first(self) -> Self:
        if self.backup_registrars and self.register_uri is None:
            refuse(f'trunk "{self.name}" has backup registrars, but none to begin with', "Add register.")
        return self

    @model_validator(mode="after")
    def _registration_has_a_user(self) -> Self:
        if self.register_uri is not None and not self.username:
            refuse(f'trunk "{self.name}" registers without a user name', "Add username.")
        return self

    @model_validator(mode="after")
    def _challenge_has_a_password(self) -> Self:
        if self.challenge and not (self.username and (self.password or self.password_file)):
            refuse(
                f'trunk "{self.name}" asks callers for a password, but has none',
                "Add username and password.",
            )
        return self
