"""The small values a configuration is made of: durations, port ranges, listen addresses, secrets.

Each has one spelling for people (``"15m"``, ``"20000-29999"``, ``"udp:0.0.0.0:5060"``) and one type for
the program. Reading them back from the program's own JSON gives the same value, because a worker gets
its configuration that way.
"""

import ipaddress
import re
from typing import Annotated, Literal, NamedTuple, NoReturn, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
)
from pydantic_core import PydanticCustomError

Transport = Literal["udp", "tcp", "tls"]

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
"""SIP ports when none is written (RFC 3261, section 19.1.2)."""


class Section(BaseModel):
    """Base of every table of the file: immutable, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)


class Kind(NamedTuple):
    """How the reference page names the type of a key."""

    name: str


def refuse(reason: str, hint: str = "") -> NoReturn:
    """Refuse a value with a reason and the next step for the person who wrote it."""
    raise PydanticCustomError("refused", "{reason}", {"reason": reason, "hint": hint})


# Durations ------------------------------------------------------------------------------------------

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_duration(value: object) -> float:
    """Read ``"90s"``, ``"1h30m"``, ``"500ms"`` or a plain number of seconds.

    Returns:
        Seconds.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _parse_duration_text(value)
    else:
        refuse("must be a duration", 'Write it like "90s", "15m" or "1h30m".')
    if not 0 <= seconds < float("inf"):
        refuse("must not be negative or infinite", 'Write it like "90s", "15m" or "1h30m".')
    return seconds


def _parse_duration_text(text: str) -> float:
    compact = text.replace(" ", "").lower()
    if re.fullmatch(r"\d+(\.\d+)?", compact):
        return float(compact)
    parts = _DURATION_PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        refuse(f'"{text}" is not a duration', 'Write it like "90s", "15m" or "1h30m".')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """Write a duration the way a person would: ``"15m"``, ``"1h30m"``, ``"90d"``, ``"500ms"``, ``"0s"``."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms" if seconds else "0s"
    if seconds % 1:
        return f"{seconds:g}s"
    if seconds > 86400 and not seconds % 86400:
        return f"{seconds / 86400:.0f}d"
    whole, parts = int(seconds), []
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


Duration = Annotated[float, BeforeValidator(parse_duration), Kind("duration")]
"""Seconds, written as a human duration."""


# Port ranges ----------------------------------------------------------------------------------------


class PortRange(NamedTuple):
    """UDP ports from ``first`` to ``last``, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @property
    def calls(self) -> int:
        """How many calls fit: each takes an even port for RTP and the next one for RTCP (RFC 3550, 11)."""
        first_even = self.first + self.first % 2
        return max(0, (self.last - first_even + 1) // 2)


def parse_port_range(value: object) -> PortRange:
    """Read ``"20000-29999"``."""
    if isinstance(value, PortRange):
        return value
    match = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", value) if isinstance(value, str) else None
    if match is None:
        refuse(f'"{value}" is not a range of ports', 'Write it like "20000-29999".')
    ports = PortRange(int(match[1]), int(match[2]))
    if not 1024 <= ports.first <= ports.last <= 65535:
        refuse(f'"{value}" must go upwards within 1024 to 65535', 'Write it like "20000-29999".')
    if ports.calls == 0:
        refuse(f'"{value}" has no room for a call', "A call takes two ports: an even one and the next.")
    return ports


PortRangeText = Annotated[
    PortRange, BeforeValidator(parse_port_range), PlainSerializer(str), Kind("range of ports")
]


# Addresses ------------------------------------------------------------------------------------------


class Listen(NamedTuple):
    """One address on which SIP is spoken."""

    transport: Transport
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{join_host_port(self.host, self.port)}"


class HostPort(NamedTuple):
    """A TCP address."""

    host: str
    port: int

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)


def join_host_port(host: str, port: int) -> str:
    """Write ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_HOST_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:\s]+))(?::(?P<port>\d{1,5}))?")


def split_host_port(text: str, default_port: int | None) -> HostPort:
    """Read ``host:port`` or ``[v6]:port``; the port may be left out when there is a default."""
    match = _HOST_PORT.fullmatch(text.strip())
    if match is None:
        hint = "Put an IPv6 address in brackets: [2001:db8::1]:5060." if text.count(":") > 1 else ""
        refuse(f'"{text}" is not an address', hint or 'Write it like "0.0.0.0:5060".')
    if match["port"] is None and default_port is None:
        refuse(f'"{text}" has no port', f'Write it like "{text}:9090".')
    port = int(match["port"]) if match["port"] else cast("int", default_port)
    if port > 65535:
        refuse(f"{port} is not a port", "Ports end at 65535.")
    return HostPort(match["v6"] or match["host"], port)


def parse_listen(value: object) -> Listen:
    """Read ``"udp:0.0.0.0:5060"``, ``"tls:[::]:5061"``; without a port the one of RFC 3261 is meant."""
    if isinstance(value, Listen):
        return value
    hint = 'Write it like "udp:0.0.0.0:5060", "tcp:…" or "tls:…".'
    transport, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon or transport.lower() not in get_args(Transport):
        refuse(f'"{value}" does not say on which transport to listen', hint)
    transport = transport.lower()
    address = split_host_port(rest, DEFAULT_PORTS[transport])
    _refuse_unless_ip(address.host)
    return Listen(cast("Transport", transport), address.host, address.port)


def is_ip_address(host: str) -> bool:
    """Whether a host is an address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refuse_unless_ip(host: str) -> None:
    if not is_ip_address(host):
        refuse(f'"{host}" is not an IP address of this machine', "0.0.0.0 listens on all IPv4 addresses.")


def parse_host_port(value: object) -> HostPort:
    """Read ``"127.0.0.1:9090"``."""
    if isinstance(value, HostPort):
        return value
    if not isinstance(value, str):
        refuse(f'"{value}" is not an address', 'Write it like "127.0.0.1:9090".')
    return split_host_port(value, None)


def parse_network(value: object) -> str:
    """Read an address or a CIDR network; returns the network in its canonical spelling."""
    try:
        return str(ipaddress.ip_network(str(value).strip(), strict=False))
    except ValueError:
        refuse(
            f'"{value}" is not an IP address or network',
            'Write it like "192.0.2.10" or "192.0.2.0/24"; host names are not taken, they can change.',
        )


ListenText = Annotated[
    Listen, BeforeValidator(parse_listen), PlainSerializer(str), Kind("transport:address:port")
]
HostPortText = Annotated[
    HostPort, BeforeValidator(parse_host_port), PlainSerializer(str), Kind("address:port")
]
Network = Annotated[str, BeforeValidator(parse_network), Kind("address or network")]


def parse_sip_uri(value: object) -> str:
    """Accept ``sip:`` and ``sips:`` addresses without spaces or control characters."""
    if not isinstance(value, str) or not re.fullmatch(r"sips?:[^\s<>\"\x00-\x20\x7f]+", value):
        refuse(f'"{value}" is not a SIP address', 'Write it like "sip:pbx.example.com".')
    _refuse_bad_port(value)
    return value


def _refuse_bad_port(uri: str) -> None:
    place = uri.partition(":")[2].partition("?")[0].rpartition("@")[2].partition(";")[0]
    port = re.search(r":([^:\]]*)$", place)
    if port is not None and not (re.fullmatch(r"[0-9]{1,5}", port[1]) and 1 <= int(port[1]) <= 65535):
        refuse(f'"{uri}" has a port that cannot be', 'Ports are 1 to 65535: "sip:pbx.example.com:5060".')


SipUri = Annotated[str, BeforeValidator(parse_sip_uri), Kind("SIP address")]


def check_web_address(url: str) -> str:
    """Accept ``http://`` and ``https://`` with a host, but no password: addresses are shown and logged."""
    if re.match(r"https?://[^/?#]*@", url):
        refuse("carries a user name or password", "Leave them out of the address.")
    if not re.fullmatch(r"https?://[^\s/@]+(?:/\S*)?", url):
        refuse(f'"{url}" is not a web address', 'Write it like "https://example.com/path".')
    return url


WebAddress = Annotated[str, AfterValidator(check_web_address), Kind("web address")]


# Headers --------------------------------------------------------------------------------------------

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9\-.!%*_+`'~]{1,64}$"), Kind("SIP header")]
FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$"), Kind("name")]
ToldHeaders = Annotated[dict[HeaderName, FactName], Field(max_length=20), Kind("table of header = name")]
OwnHeaderName = Annotated[str, Field(pattern=r"^[Xx]-[A-Za-z0-9\-.]{1,62}$"), Kind("SIP header")]
SentHeaders = Annotated[dict[OwnHeaderName, FactName], Field(max_length=20), Kind("table of header = name")]


# Secrets --------------------------------------------------------------------------------------------


def _reveal_on_request(secret: SecretStr, info: SerializationInfo) -> str:
    revealed = bool(info.context and info.context.get("secrets"))
    return secret.get_secret_value() if revealed else str(secret)


Secret = Annotated[SecretStr, PlainSerializer(_reveal_on_request), Kind("secret")]
"""Text that no repr, log or dump shows; only `talkpath.bridge.config.process_settings.to_json` does."""
