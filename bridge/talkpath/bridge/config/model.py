"""The whole configuration as one immutable value."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from .agent import AgentConfig
from .api import ApiConfig, WebhookConfig
from .phone import PhoneConfig
from .realtime import RealtimeConfig
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

    def trunk_named(self, name: str) -> TrunkConfig | None:
        """The trunk of this name; None: a call by none of the configured."""
        return next((trunk for trunk in self.trunks if trunk.name == name), None)


def is_watched(config: Config) -> bool:
    """Whether the supervisor is to know what happens in live calls."""
    return (config.api.is_open and config.http.enabled) or bool(config.webhooks)


def phone_agents(config: Config) -> tuple[str, ...]:
    """The agents that a browser may talk to, the one to begin with first."""
    return config.phone.agents or tuple(config.agents)
