"""The whole configuration as one immutable value, and what follows from it."""

import os
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from talkpath.sip import messages

from .agent import AgentConfig
from .api import ApiConfig, WebhookConfig
from .outbound import outbound_settings
from .phone import PhoneConfig
from .realtime import AudioFormat, Auth, RealtimeConfig, TranscriptionConfig, auth_of, host_of
from .records import RecordsConfig
from .sip import SipConfig, TrunkConfig
from .tracing import TracingConfig
from .transfer import HolidayText, OpeningHours, TargetConfig, ZoneName, as_list
from .values import Duration, HostPort, HostPortText, Secret, Section, is_ip_address, refuse


class RouteConfig(Section):
    """One line of the route table. All conditions that are there must hold; the first match wins."""

    to: str | None = Field(
        default=None,
        description="Number called: exact, with * and ?, or a regular expression between slashes.",
        examples=["+4930*"],
    )
    caller: str | None = Field(
        default=None, description="Number of the caller, written as in to.", examples=["+49*"]
    )
    trunk: str | None = Field(
        default=None, description="Name of the trunk the call came in by.", examples=["pbx"]
    )
    header: dict[str, str] = Field(
        default_factory=dict,
        description="SIP headers of the INVITE and their values, written as in to.",
        examples=[{"X-Queue": "sales*"}],
    )
    hours: Annotated[tuple[OpeningHours, ...], BeforeValidator(as_list)] = Field(
        default=(),
        max_length=50,
        description="When this route holds; without it, always. After it, the routes below are tried.",
        examples=[["mon-fri 09:00-17:30"]],
    )
    holidays: tuple[HolidayText, ...] = Field(
        default=(),
        max_length=400,
        description="Days on which this route does not hold.",
        examples=[["12-25", "2026-04-03"]],
    )
    timezone: ZoneName | None = Field(
        default=None, description="Time zone of the hours and holidays.", examples=["Europe/Berlin"]
    )
    agent: str | None = Field(default=None, description="Agent that answers.", examples=["reception"])
    reject: int | None = Field(
        default=None,
        ge=400,
        le=699,
        description="SIP status to refuse the call with, instead of an agent.",
        examples=[603],
    )
    reason: str = Field(default="", description="Plain sentence sent along with the refusal.")
    retry_after: int = Field(
        default=0,
        ge=0,
        le=86400,
        description="Seconds after which the caller may try again, sent as Retry-After; 0 says nothing.",
    )

    @model_validator(mode="after")
    def _hours_have_a_zone(self) -> Self:
        if (self.hours or self.holidays) and self.timezone is None:
            refuse("has hours, but no time zone", 'Add timezone = "Europe/Berlin".')
        return self

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if (self.agent is None) == (self.reject is None):
            refuse("needs either agent or reject", 'Add agent = "…" or reject = 404.')
        return self


class HttpConfig(Section):
    """The operator's door: metrics and health."""

    listen: HostPortText = Field(
        default=HostPort("127.0.0.1", 9090),
        description="Address of /metrics, /healthz and /readyz; port 0 takes any.",
    )
    enabled: bool = Field(default=True, description="Serve HTTP at all.")


class LogConfig(Section):
    """What is written to standard error."""

    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="auto is console on a terminal and json elsewhere."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level written."
    )
    private: bool = Field(
        default=False,
        description="Also log phone numbers and words of callers; think of the law before you do.",
    )
    debug_callers: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description=(
            "Numbers, with * and ?, of callers or callees whose calls are logged in full, with every SIP "
            "message; for a while, and after thinking of the law."
        ),
        examples=[["+493012345*"]],
    )


class HomerConfig(Section):
    """Sends the SIP messages of all calls to a Homer server (HEP3 over UDP), without credentials."""

    address: HostPortText | None = Field(
        default=None,
        description="IP address and port of the server, usually 9060; without it, nothing is sent.",
        examples=["192.0.2.60:9060"],
    )
    capture_id: int = Field(
        default=2001, ge=0, le=4_294_967_295, description="Number of this node at the server."
    )
    password: Secret | None = Field(
        default=None, description="What the server asks for, if it does.", examples=["env:HOMER_KEY"]
    )

    @model_validator(mode="after")
    def _has_an_ip_address(self) -> Self:
        if self.address is not None and not is_ip_address(self.address.host):
            refuse(f"{self.address.host} is a name", "Write the IP address: it is looked up for no message.")
        return self


class WorkersConfig(Section):
    """The processes that carry the voices."""

    count: int = Field(default=0, ge=0, le=256, description="Media workers; 0 means one per core.")
    lanes: int = Field(default=500, ge=1, le=10000, description="Calls that one worker carries at most.")
    drain_timeout: Duration = Field(
        default=120.0, ge=0, description="How long live calls may go on after a stop was asked for."
    )


class Config(Section):
    """Everything the file says."""

    sip: SipConfig = Field(default_factory=SipConfig, description="Where and how SIP is spoken.")
    realtime: RealtimeConfig = Field(
        default_factory=RealtimeConfig, description="The speech model and the way to it."
    )
    agents: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]+$")], AgentConfig] = Field(
        default_factory=dict, description="Who answers, by name. At least one."
    )
    trunks: tuple[TrunkConfig, ...] = Field(
        default=(),
        description=(
            "PBXs and carriers. With none at all, calls are taken from private addresses only, "
            "so that a fresh installation is not open to the Internet."
        ),
    )
    routes: tuple[RouteConfig, ...] = Field(
        default=(), description="Which agent answers which call. With one agent and no routes it answers all."
    )
    targets: tuple[TargetConfig, ...] = Field(
        default=(),
        description=(
            "Humans that calls may be transferred to. An agent may use those that its transfer table names."
        ),
    )
    http: HttpConfig = Field(default_factory=HttpConfig, description="Metrics and health.")
    phone: PhoneConfig = Field(default_factory=PhoneConfig, description="A telephone in the browser.")
    api: ApiConfig = Field(default_factory=ApiConfig, description="The control API and the console.")
    webhooks: tuple[WebhookConfig, ...] = Field(default=(), description="Who is told of calls over the web.")
    log: LogConfig = Field(default_factory=LogConfig, description="What is written to standard error.")
    homer: HomerConfig = Field(
        default_factory=HomerConfig, description="Where the SIP messages of all calls are sent."
    )
    tracing: TracingConfig = Field(
        default_factory=TracingConfig, description="One OpenTelemetry trace per call."
    )
    records: RecordsConfig = Field(
        default_factory=RecordsConfig, description="What is kept of calls that are over, where, and how long."
    )
    workers: WorkersConfig = Field(
        default_factory=WorkersConfig, description="The processes that carry the voices."
    )


def is_watched(config: Config) -> bool:
    """Whether the supervisor is to know what happens in live calls."""
    return (config.api.is_open and config.http.enabled) or bool(config.webhooks)


class Endpoint(NamedTuple):
    """The model one agent talks to, with everything inherited from ``[realtime]`` filled in."""

    url: str
    model: str
    api_key: SecretStr | None
    auth: Literal["bearer", "azure"]
    headers: dict[str, SecretStr]
    audio: AudioFormat
    transcription: TranscriptionConfig | None


def endpoint(config: Config, agent: str) -> Endpoint:
    """Find the model of an agent.

    The key and headers of ``[realtime]`` are inherited only while the host is the same one.

    Raises:
        KeyError: there is no such agent.
    """
    own, shared = config.agents[agent], config.realtime
    url = own.url or shared.url
    same_host = host_of(url) == host_of(shared.url)
    mode: Auth = shared.auth if same_host else "auto"
    return Endpoint(
        url=url,
        model=own.model or shared.model,
        api_key=own.api_key or (shared.api_key if same_host else None),
        auth=auth_of(url, mode),
        headers=shared.headers if same_host else {},
        audio=shared.audio,
        transcription=_transcription(own, shared),
    )


def _transcription(own: AgentConfig, shared: RealtimeConfig) -> TranscriptionConfig | None:
    chosen = shared.transcription if own.transcription is None else own.transcription
    if not chosen:
        return None
    if own.language and not chosen.language:
        return TranscriptionConfig(model=chosen.model, language=own.language)
    return chosen


def told_names(config: Config, trunk: str, agent: str) -> dict[str, str]:
    """Which headers of an INVITE become facts for the agent, and under which names: the agent's come last."""
    of_trunk = next((one.headers for one in config.trunks if one.name == trunk), {})
    return {**of_trunk, **config.agents[agent].headers}


class Capacity(NamedTuple):
    """How many calls fit, and what sets the limit."""

    workers: int
    calls: int
    limited_by: str


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def capacity(config: Config, cores: Callable[[], int] = usable_cores) -> Capacity:
    """Work out how many calls the configuration has room for."""
    workers = config.workers.count or cores()
    limits = {
        "sip.max_calls": config.sip.max_calls,
        "workers.lanes": workers * config.workers.lanes,
        "sip.rtp_ports": config.sip.rtp_ports.calls,
    }
    name = min(limits, key=lambda key: limits[key])
    return Capacity(workers, limits[name], name)


def dtmf_mode(config: Config, trunk: str) -> Literal["auto", "rfc4733", "info"]:
    """How keys are sent on the calls of a trunk, which may be none of the configured."""
    return next((known.dtmf for known in config.trunks if known.name == trunk), "auto")


def signals_hold(config: Config, trunk: str) -> bool:
    """Whether the calls of a trunk, which may be none of the configured, are held by a re-INVITE."""
    return any(known.hold == "signal" for known in config.trunks if known.name == trunk)


def phone_agents(config: Config) -> tuple[str, ...]:
    """The agents that a browser may talk to, the one to begin with first."""
    return config.phone.agents or tuple(config.agents)


def phone_trunk(config: Config) -> str:
    """The trunk by which calls of browsers are transferred; empty: there is none, or several."""
    if config.phone.trunk is not None:
        return config.phone.trunk
    return config.trunks[0].name if len(config.trunks) == 1 else ""


def to_json(config: Config) -> str:
    """Write the configuration for a child process, secrets included: never log this."""
    return config.model_dump_json(context={"secrets": True}, by_alias=True)


def from_json(text: str | bytes) -> Config:
    """Read back what :func:`to_json` wrote. Reads no file and no environment."""
    return Config.model_validate_json(text)


def sip_settings(config: Config) -> messages.SipSettings:
    """Say the same to the SIP process in the words of its protocol."""
    sip = config.sip
    return messages.SipSettings(
        listeners=tuple(
            messages.Listener(
                transport=listen.transport,
                host=listen.host,
                port=listen.port,
                advertised_address=sip.advertised_address or "",
            )
            for listen in sip.listen
        ),
        trunks=tuple(_trunk_settings(trunk, sip) for trunk in config.trunks),
        codecs=sip.codecs,
        tls=_tls_settings(sip),
        user_agent=sip.user_agent,
        nameservers=sip.nameservers,
        blocked_user_agents=sip.blocked_user_agents,
        max_calls=sip.max_calls,
        calls_per_second_per_source=sip.calls_per_second_per_source,
        accept_private_sources=not config.trunks,
        outbound=outbound_settings(sip.outbound),
        trace=_trace_settings(config),
    )


def _trace_settings(config: Config) -> messages.TraceSettings:
    homer = config.homer
    return messages.TraceSettings(
        callers=config.log.debug_callers,
        homer=str(homer.address) if homer.address else "",
        capture_id=homer.capture_id,
        homer_key=messages.Secret(homer.password.get_secret_value() if homer.password else ""),
    )


def phone_settings(config: Config) -> messages.PhoneSettings:
    """Say to the phone process what it has to know, and no more: it gets no secret."""
    return messages.PhoneSettings(
        max_calls=config.phone.max_calls,
        addresses=config.phone.addresses,
        log_format=config.log.format,
        log_level=config.log.level,
        log_private=config.log.private,
    )


def _tls_settings(sip: SipConfig) -> messages.TlsSettings:
    tls = sip.tls
    return messages.TlsSettings(
        certificate_file=str(tls.certificate or ""),
        private_key_file=str(tls.private_key or ""),
        ca_file=str(tls.ca or ""),
        verify_server=tls.verify_server,
        verify_client=tls.verify_client,
    )


def _trunk_settings(trunk: TrunkConfig, sip: SipConfig) -> messages.TrunkSettings:
    return messages.TrunkSettings(
        name=trunk.name,
        registrar=trunk.register_uri or "",
        backup_registrars=trunk.backup_registrars,
        username=trunk.username or "",
        password=messages.Secret(trunk.password.get_secret_value() if trunk.password else ""),
        realm=trunk.realm,
        source_networks=trunk.match,
        advertised_address=trunk.advertised_address or sip.advertised_address or "",
        outbound_proxy=trunk.outbound_proxy or "",
        register_interval=int(trunk.register_interval),
        codecs=trunk.codecs or sip.codecs,
        srtp=trunk.srtp,
        trust_contact=trunk.trust_contact,
        challenge=trunk.challenge,
        accept_replaces=trunk.accept_replaces,
        accept_refer=trunk.accept_refer,
        max_calls=trunk.max_calls,
        outbound=outbound_settings(trunk.outbound),
    )
