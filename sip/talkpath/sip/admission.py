"""Whether an INVITE becomes a call: source, rate, capacity. Pure; the time is an argument.

The cheap refusals come first, so that a scanner costs a look-up and one datagram.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from talkpath.sip.messages import Header, TrunkSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SCANNERS = (
    "friendly-scanner",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sundayddr",
    "iwar",
    "vaxsipuseragent",
    "pplsip",
    "eyebeam_scanner",
)
"""Parts of the User-Agent of known attack tools, lower case."""

MAX_SOURCES = 4096
"""Sources whose rate is remembered. The one that was quiet for longest is forgotten first."""

RETRY_AFTER_BUSY = 5
"""Seconds that a peer is asked to wait when we are full."""

RETRY_AFTER_OVERLOAD = 10
"""Seconds that a peer is asked to wait while our workers do not keep up; they need some to recover."""

RETRY_AFTER_DRAINING = 60
"""Seconds that a peer is asked to wait when we are about to stop."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a request.

    Attributes:
        status: 0: admit; -1: drop without an answer; otherwise the SIP status to refuse with.
        reason: Sentence for the Reason header.
        counter: Label of the refusal in the statistics; ``admitted`` when it is none.
        trunk: Name of the trunk of an admitted call; empty when no trunk is configured.
        retry_after: Seconds, 0 for none.
        headers: Headers that the refusal needs besides.
    """

    status: int
    reason: str
    counter: str
    trunk: str = ""
    retry_after: int = 0
    headers: tuple[Header, ...] = ()

    @property
    def admitted(self) -> bool:
        """Whether the call goes on."""
        return self.status == 0


DROP = -1

_DRAINING = Verdict(503, "this server takes no new calls", "draining", retry_after=RETRY_AFTER_DRAINING)
_FULL = Verdict(503, "all lines are busy", "capacity", retry_after=RETRY_AFTER_BUSY)
TRUNK_FULL = Verdict(503, "all lines of this trunk are busy", "trunk_capacity", retry_after=RETRY_AFTER_BUSY)
SCANNER = Verdict(DROP, "", "scanner")
"""An attack tool: dropped without an answer, which would tell it that somebody is here."""
_NO_LANE = Verdict(503, "no media worker has a free lane", "no_lane", retry_after=RETRY_AFTER_BUSY)
_OVERLOADED = Verdict(
    503, "this server does not keep up with its calls", "overloaded", retry_after=RETRY_AFTER_OVERLOAD
)
_TOO_FAST = Verdict(503, "too many calls from this address", "rate", retry_after=RETRY_AFTER_BUSY)


@dataclass(frozen=True, slots=True)
class Load:
    """How busy we are: calls that live, the largest number, lanes that workers have free, draining or not.

    ``overloaded`` says why no lane is free.
    """

    calls: int
    max_calls: int
    free_lanes: int
    draining: bool
    overloaded: bool = False


class TrunkMatcher:
    """Finds the trunk that a source address belongs to."""

    def __init__(
        self,
        trunks: Sequence[TrunkSettings],
        accept_private_sources: bool,
        registrar_addresses: Mapping[str, Sequence[str]],
    ) -> None:
        """Prepare the look-up.

        Args:
            trunks: All trunks; the first that matches wins.
            accept_private_sources: With no trunk at all, take loopback and private addresses.
            registrar_addresses: For each trunk name, the IP addresses of its registrar and proxy.

        Raises:
            ValueError: a source network is not an address or CIDR network; the sentence names it.
        """
        self._networks: list[tuple[Network, str]] = []
        self._private = accept_private_sources and not trunks
        for trunk in trunks:
            texts = [*trunk.source_networks, *registrar_addresses.get(trunk.name, ())]
            self._networks += [(_network(text, trunk.name), trunk.name) for text in texts]

    def match(self, source: str) -> str | None:
        """Find the trunk of a source address.

        Returns:
            Its name; an empty string when no trunk is needed; None for a stranger.
        """
        address = _address(source)
        if address is None:
            return None
        for network, name in self._networks:
            if network.version == address.version and address in network:
                return name
        return "" if self._private and (address.is_private or address.is_loopback) else None


def _network(text: str, trunk: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"trunk {trunk}: {text!r} in source_networks is not a network: {error}") from error


def _address(text: str) -> Address | None:
    """An address without its zone; an IPv4 address in an IPv6 one is unpacked."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


class RateLimiter:
    """A token bucket for each source, in a table of bounded size."""

    def __init__(self, per_second: float, max_sources: int = MAX_SOURCES) -> None:
        """Args: ``per_second`` calls per second, also the burst; 0 switches the limit off."""
        self._rate = per_second
        self._burst = max(1.0, per_second)
        self._max_sources = max_sources
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def allow(self, source: str, now: float) -> bool:
        """Take one token of a source.

        Args:
            source: Any text that names the source.
            now: Monotonic seconds.
        """
        if self._rate <= 0:
            return True
        tokens, last = self._buckets.get(source, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - last) * self._rate)
        allowed = tokens >= 1.0
        self._buckets[source] = (tokens - 1.0 if allowed else tokens, now)
        self._buckets.move_to_end(source)
        if len(self._buckets) > self._max_sources:
            self._buckets.popitem(last=False)
        return allowed


class AdmissionPolicy:
    """All rules together."""

    def __init__(self, matcher: TrunkMatcher, limiter: RateLimiter, scanners: Sequence[str] = ()) -> None:
        """Args: who may call, how often, and words of unwelcome User-Agents besides the known ones."""
        self.matcher = matcher
        self._scanners = tuple(word.lower() for word in scanners if word)
        self._limiter = limiter

    def is_scanner(self, user_agent: str) -> bool:
        """Whether a User-Agent is unwelcome."""
        return is_scanner(user_agent, self._scanners)

    def invite(self, source: str, user_agent: str, load: Load, now: float) -> Verdict:
        """Decide about an INVITE that starts a dialog.

        Args:
            source: IP address it came from.
            user_agent: Value of its User-Agent header, or empty.
            load: How busy we are.
            now: Monotonic seconds.
        """
        if self.is_scanner(user_agent):
            return SCANNER
        trunk = self.matcher.match(source)
        if trunk is None:
            return Verdict(403, f"the address {source} belongs to no trunk", "unknown_source")
        if load.draining:
            return _DRAINING
        if not self._limiter.allow(source, now):
            return _TOO_FAST
        if load.calls >= load.max_calls:
            return _FULL
        if load.free_lanes <= 0:
            return _OVERLOADED if load.overloaded else _NO_LANE
        return Verdict(0, "", "admitted", trunk=trunk)

    def options(self, user_agent: str, load: Load) -> Verdict:
        """Decide about an OPTIONS ping: 503 tells a balancer to send its calls elsewhere."""
        if self.is_scanner(user_agent):
            return SCANNER
        if load.draining:
            return _DRAINING
        return Verdict(0, "", "admitted")


def is_scanner(user_agent: str, more: Sequence[str] = ()) -> bool:
    """Whether a User-Agent is that of a known attack tool, or holds one of these words in lower case."""
    lowered = user_agent.lower()
    return any(name in lowered for name in (*SCANNERS, *more))
