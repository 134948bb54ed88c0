"""Which address of ours a peer is told to send to.

The most frequent cause of one-way audio is a wrong address in SDP, so the order is fixed and explicit:
what the trunk says, what the listener says, the address the listener is bound to, and only then the
local address of the route to the peer.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """RTP ports of a worker for one call: for IPv4, and for IPv6 when it differs."""

    v4: int
    v6: int = 0

    def towards(self, address: str) -> int:
        """The port that belongs beside ``address`` in an SDP."""
        return self.v6 if self.v6 and is_ipv6(address) else self.v4


def advertised_address(trunk_address: str, listener_address: str, bound_host: str, route_address: str) -> str:
    """Choose the address for our SDP.

    Args:
        trunk_address: ``advertised_address`` of the trunk, or empty.
        listener_address: ``advertised_address`` of the listener, or empty.
        bound_host: Host that the listener is bound to; ``0.0.0.0`` and ``::`` say nothing.
        route_address: Local address of the route to the peer, or empty when there is no route.

    Returns:
        The first that says something; an empty string when none does.
    """
    if trunk_address or listener_address:
        return trunk_address or listener_address
    if is_specific(bound_host):
        return bound_host
    return route_address


def is_specific(host: str) -> bool:
    """Whether a host names one address: an IP address that is not ``0.0.0.0`` or ``::``."""
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def is_address(text: str) -> bool:
    """Whether it is an IP address, and no host name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_ipv6(host: str) -> bool:
    """Whether a host is an IPv6 address."""
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def split_host_port(text: str) -> tuple[str, int]:
    """Split ``192.0.2.1:5060`` or ``[2001:db8::1]:5060``. A missing or senseless port gives 0."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    return host, int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0


def join_host_port(host: str, port: int) -> str:
    """The inverse of :func:`split_host_port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def local_address_towards(peer: str) -> str:
    """Ask the kernel which local address it uses towards a peer. Sends nothing.

    Args:
        peer: An IP address. For a host name the answer is empty: no name look-up in the SIP loop.
    """
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(peer).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0])
    except (ValueError, OSError):
        return ""


def user_part(uri: str) -> str:
    """The user part of a SIP or tel URI: the number or extension."""
    match = re.match(r"\s*<?(?:sips?:([^@;>]*)@|tel:([^;>]*))", uri, re.IGNORECASE)
    return (match[1] or match[2] or "") if match else ""
