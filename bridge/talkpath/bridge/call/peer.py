"""Where the targets of a transfer are: from the names of the configuration to SIP addresses. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkpath.bridge.transfer.targets import Ourselves
from talkpath.sip.addresses import is_ipv6, join_host_port, split_host_port
from talkpath.sip.headers import uri_host
from talkpath.sip.refer import ReferError, target_uri

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.config.sip import TrunkConfig
    from talkpath.sip.messages import IncomingCall, Originate

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to be left out, not to be listened on


@dataclass(frozen=True, slots=True)
class Peer:
    """Who a call is with.

    Attributes:
        trunk: Name of its trunk; empty: none.
        domain: Host, or host and port, to call its other numbers at.
        transport: ``;transport=…``, or empty for UDP.
        number: What was called at our end, which leads here.
    """

    trunk: str = ""
    domain: str = ""
    transport: str = ""
    number: str = ""

    @classmethod
    def of_invite(cls, invite: IncomingCall) -> Peer:
        """Who calls us. The port of a connection is not where its other end listens."""
        host, _port = split_host_port(invite.source)
        datagrams = invite.transport == "udp"
        domain = invite.source if datagrams else join_host_port(host, 0).removesuffix(":0")
        number = invite.request_uri.partition(":")[2].partition("@")[0].partition(";")[0]
        return cls(invite.trunk, domain, "" if datagrams else f";transport={invite.transport}", number)

    @classmethod
    def of_browser(cls, config: Config, trunk: str) -> Peer:
        """A browser has no numbers of its own: the numbers that are there are those of a trunk."""
        own = next((one for one in config.trunks if one.name == trunk), None)
        return cls(trunk) if own is None else cls(trunk, _domain(own) or _only_host(own))

    @classmethod
    def of_order(cls, order: Originate) -> Peer:
        """Whom we call."""
        where = order.uri.rpartition("@")[2] if "@" in order.uri else order.uri.partition(":")[2]
        return cls(order.trunk, where.partition(";")[0].partition("?")[0])

    def address(self, config: Config, destination: str, trunk: str | None) -> tuple[str, str]:
        """The SIP address of a destination, and the trunk to call it by.

        Args:
            config: Has the trunks.
            destination: As configured: an extension, a number, or an address.
            trunk: The target's own trunk; None: the one of the call.

        Raises:
            ReferError: it cannot be written, because nobody knows where the trunk is.
        """
        name = self.trunk if trunk is None else trunk
        own = next((one for one in config.trunks if one.name == name), None)
        domain, transport = _domain(own), ""
        if not domain and name == self.trunk:
            domain, transport = self.domain, self.transport
        if not domain and own is not None:
            domain = _only_host(own)
        if not domain and ":" not in destination:
            raise ReferError(f"the trunk {name!r} has no address: set register or outbound_proxy")
        uri = target_uri(destination, domain)
        return uri + transport if ":" not in destination else uri, name

    def ourselves(self, config: Config) -> Ourselves:
        """By which addresses and numbers a call would come back to us."""
        listening = {listen.host for listen in config.sip.listen}
        known = listening | {trunk.advertised_address or "" for trunk in config.trunks}
        known.add(config.sip.advertised_address or "")
        registered = [trunk for trunk in config.trunks if trunk.register_uri]
        peer = split_host_port(self.domain)[0].lower()
        return Ourselves(
            # A PBX on this very machine is another program at our address.
            hosts=frozenset(host.lower() for host in known) - WILDCARDS - {peer, ""},
            numbers=frozenset({trunk.username or "" for trunk in registered} | {self.number}) - {""},
            domains=frozenset({uri_host(trunk.register_uri or "") for trunk in registered} | {peer}) - {""},
        )


def _domain(trunk: TrunkConfig | None) -> str:
    """Where the trunk is according to its configuration; empty: it does not say."""
    if trunk is None:
        return ""
    uri = trunk.register_uri or trunk.outbound_proxy or ""
    return uri.partition(":")[2].rpartition("@")[2].partition(";")[0].partition("?")[0]


def _only_host(trunk: TrunkConfig) -> str:
    """The one address that a trunk matches; empty: there are none or several."""
    networks = [ipaddress.ip_network(text) for text in trunk.match]
    if len(networks) != 1 or networks[0].num_addresses != 1:
        return ""
    host = str(networks[0].network_address)
    return f"[{host}]" if is_ipv6(host) else host
