"""Where the targets of a transfer are: from the names of the configuration to SIP addresses. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from talkpath.bridge.transfer.targets import Ourselves
from talkpath.sip.addresses import is_ipv6, join_host_port, split_host_port
from talkpath.sip.headers import uri_host, uri_user
from talkpath.sip.refer import ReferError, target_uri

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.config.sip import TrunkConfig
    from talkpath.sip.messages import IncomingCall, Originate

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to be left out, not to be listened on


class _Place(NamedTuple):
    """Where numbers are called: host and port, and ``;transport=…`` or nothing."""

    domain: str = ""
    transport: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who a call is with.

    Attributes:
        trunk: Name of its trunk; empty: none.
        domain: Host, or host and port, to call its other numbers at.
        transport: ``;transport=…``, or empty for UDP.
        number: What was called at our end, which leads here.
        called: The whole address that was called, without parameters.
    """

    trunk: str = ""
    domain: str = ""
    transport: str = ""
    number: str = ""
    called: str = ""

    @classmethod
    def of_invite(cls, invite: IncomingCall) -> Peer:
        """Who calls us. The port of a connection is not where its other end listens."""
        host, _port = split_host_port(invite.source)
        datagrams = invite.transport == "udp"
        domain = invite.source if datagrams else join_host_port(host, 0).removesuffix(":0")
        called = invite.request_uri.partition(";")[0].partition("?")[0]
        number = called.partition(":")[2].partition("@")[0]
        transport = "" if datagrams else f";transport={invite.transport}"
        return cls(invite.trunk, domain, transport, number, called if "@" in called else "")

    @classmethod
    def of_browser(cls, config: Config, trunk: str) -> Peer:
        """A browser has no numbers of its own: the numbers that are there are those of a trunk."""
        own = config.trunk_named(trunk)
        if own is None:
            return cls(trunk)
        place = _configured(own)
        return cls(trunk, place.domain or _only_host(own), place.transport)

    @classmethod
    def of_order(cls, order: Originate) -> Peer:
        """Whom we call."""
        where = order.uri.rpartition("@")[2] if "@" in order.uri else order.uri.partition(":")[2]
        return cls(order.trunk, where.partition(";")[0].partition("?")[0])

    def address(self, config: Config, destination: str, trunk: str | None) -> tuple[str, str]:
        """The SIP address to call for a destination, and the trunk to call it by.

        Args:
            config: Has the trunks.
            destination: As configured: an extension, a number, or an address. A ``tel:`` one is called at
                the trunk (RFC 3261, section 19.1.6).
            trunk: The target's own trunk; None: the one of the call.

        Raises:
            ReferError: it cannot be written, because nobody knows where the trunk is.
        """
        name = self.trunk if trunk is None else trunk
        own = config.trunk_named(name)
        if destination.lower().startswith("tel:"):
            destination = uri_user(destination)
        if ":" in destination:
            return target_uri(destination, ""), name
        place = self._place(own, name)
        return target_uri(destination, place.domain, own.kind if own else "generic") + place.transport, name

    def refer_to(self, config: Config, destination: str) -> str:
        """The address that the peer is asked to call; by which transport is its own affair.

        Raises:
            ReferError: it cannot be written, because nobody knows where the trunk is.
        """
        if ":" in destination:
            return target_uri(destination, "")
        own = config.trunk_named(self.trunk)
        return target_uri(destination, self._place(own, self.trunk).domain, own.kind if own else "generic")

    def referrer(self, config: Config) -> str:
        """Who we are to the peer, for Referred-By (RFC 3892); empty: nobody that it knows."""
        own = config.trunk_named(self.trunk)
        if own is not None and own.username and own.register_uri:
            return target_uri(own.username, _configured(own).domain, own.kind)
        return self.called

    def _place(self, own: TrunkConfig | None, name: str) -> _Place:
        place = _configured(own)
        if not place.domain and name == self.trunk:
            place = _Place(self.domain, self.transport)
        if not place.domain and own is not None:
            place = _Place(_only_host(own))
        if not place.domain:
            raise ReferError(f"the trunk {name!r} has no address: set register or outbound_proxy")
        return place

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


def _configured(trunk: TrunkConfig | None) -> _Place:
    """Where the trunk is according to its configuration; empty: it does not say."""
    uri = (trunk.register_uri or trunk.outbound_proxy or "") if trunk is not None else ""
    scheme, _, rest = uri.partition(":")
    address, *parameters = rest.partition("?")[0].split(";")
    given = next((one for one in parameters if one.lower().startswith("transport=")), "")
    transport = given or ("transport=tls" if scheme.lower() == "sips" else "")
    return _Place(address.rpartition("@")[2], f";{transport}" if transport else "")


def _only_host(trunk: TrunkConfig) -> str:
    """The one address that a trunk matches; empty: there are none or several."""
    networks = [ipaddress.ip_network(text) for text in trunk.match]
    if len(networks) != 1 or networks[0].num_addresses != 1:
        return ""
    host = str(networks[0].network_address)
    return f"[{host}]" if is_ipv6(host) else host
