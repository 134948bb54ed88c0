"""Whether a call of ours may go out: destination, rate, number of calls. Pure; the time is an argument.

A stranger who makes an agent, a PBX or a redirection call a number of his choice can cost a fortune within a
night (toll fraud). So nothing may be called until somebody says what may.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import unquote

from talkpath.sip.admission import RateLimiter
from talkpath.sip.headers import uri_host, uri_user
from talkpath.sip.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from talkpath.sip.messages import OutboundSettings, SipSettings, TrunkSettings

MAX_URI = 512

_URI = re.compile(r"(?:sips?|tel):[^\s<>\"?\x00-\x20\x7f]+", re.IGNORECASE)
_MARKS = re.compile(r"[-.() ]")
_NUMBER = re.compile(r"\+?[0-9*#]+")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a call does not go out.

    Attributes:
        status: SIP status that says the same.
        reason: Sentence without the number, which is private.
        counter: Label in the statistics.
        outcome: What it means for the call.
    """

    status: int
    reason: str
    counter: str
    outcome: Outcome = Outcome.BLOCKED


class Destinations:
    """The destinations that one trunk may call.

    A pattern is matched against the whole: ``*`` is any text, ``?`` one character. Without ``@`` it is about
    the number or user alone, at the hosts of the trunk itself; with ``@`` about user and host. Numbers lose
    the marks that people put into them (``-``, ``.``, brackets).

    Args:
        patterns: What may be called; empty: nothing.
        hosts: Host names and addresses of the trunk, lower case.
        networks: Networks whose addresses are the trunk's, too.
    """

    def __init__(
        self, patterns: Sequence[str], hosts: Sequence[str] = (), networks: Sequence[str] = ()
    ) -> None:
        self._patterns = tuple(pattern.lower() for pattern in patterns)
        self._hosts = frozenset(host.lower() for host in hosts if host)
        self._networks = tuple(ipaddress.ip_network(network, strict=False) for network in networks)

    def allow(self, uri: str) -> bool:
        """Whether this URI may be called.

        What cannot be read may not, nor what goes to another host than it names (``maddr``).
        """
        if len(uri) > MAX_URI or not _URI.fullmatch(uri) or ";maddr=" in unquote(uri).lower():
            return False
        user, host = plain_number(uri_user(uri)), uri_host(uri)
        if uri.lower().startswith("tel:"):
            return any(fnmatchcase(user, pattern) for pattern in self._patterns if "@" not in pattern)
        whole = f"{user}@{host}"
        ours = host in self._hosts or self._is_in_a_network(host)
        return any(
            fnmatchcase(whole, pattern) if "@" in pattern else ours and fnmatchcase(user, pattern)
            for pattern in self._patterns
        )

    def _is_in_a_network(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address.version == net.version and address in net for net in self._networks)


def plain_number(user: str) -> str:
    """A user part, decoded and in lower case; a number without the marks for people.

    >>> plain_number("+49-30.90%31")
    '+49309031'
    """
    decoded = unquote(user).lower()
    number = _MARKS.sub("", decoded)
    return number if _NUMBER.fullmatch(number) else decoded


class OutboundPolicy:
    """What each trunk may call, how fast, and how often at once.

    Args:
        settings: Trunks, and what holds without one.
    """

    def __init__(self, settings: SipSettings) -> None:
        self._rules: dict[str, OutboundSettings] = {"": settings.outbound}
        self._destinations = {"": Destinations(settings.outbound.allow)}
        self._caps: dict[str, int] = {}
        for trunk in settings.trunks:
            self._rules[trunk.name] = trunk.outbound
            self._destinations[trunk.name] = _destinations(trunk)
            self._caps[trunk.name] = trunk.max_calls
        self._rates = {name: RateLimiter(rules.calls_per_second) for name, rules in self._rules.items()}

    def rules(self, trunk: str) -> OutboundSettings:
        """The settings of a trunk.

        Raises:
            KeyError: there is no such trunk.
        """
        return self._rules[trunk]

    def allows(self, trunk: str, uri: str) -> bool:
        """Whether the trunk may call this URI."""
        return trunk in self._destinations and self._destinations[trunk].allow(uri)

    def refuse(
        self, trunk: str, uri: str, now: float, *, vouched: bool, outgoing: int, all_calls: int
    ) -> Refused | None:
        """Decide about a call of ours; None when it may go out, which takes one token of the rate.

        Args:
            trunk: Its trunk; empty for none.
            uri: Whom it calls.
            now: Monotonic seconds.
            vouched: The operator chose the destination himself.
            outgoing: Calls of ours that live on this trunk.
            all_calls: All calls that live on this trunk.
        """
        rules = self._rules.get(trunk)
        if rules is None:
            return Refused(500, f"there is no trunk {trunk!r}", "unknown_trunk")
        if not vouched and not self.allows(trunk, uri):
            where = f"[trunks.outbound] of {trunk}" if trunk else "[sip.outbound]"
            return Refused(403, f"the destination is not in allow of {where}", "not_allowed")
        cap = self._caps.get(trunk, 0)
        if (rules.max_calls and outgoing >= rules.max_calls) or (cap and all_calls >= cap):
            return Refused(503, f"all lines of the trunk {trunk} are busy", "capacity")
        if not self._rates[trunk].allow(trunk, now):
            return Refused(503, f"too many calls a second on the trunk {trunk}", "rate")
        return None


def _destinations(trunk: TrunkSettings) -> Destinations:
    hosts = [uri_host(uri) for uri in (*trunk.registrars, trunk.outbound_proxy) if uri]
    return Destinations(trunk.outbound.allow, hosts, trunk.source_networks)
