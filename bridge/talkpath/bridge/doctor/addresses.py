"""The addresses that we would tell others to send to: the first cause of one-way audio."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, NamedTuple

from talkpath.sip.addresses import advertised_address, local_address_towards

from .findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.config.sip import TrunkConfig

AREA = "addresses"

SOMEWHERE_PUBLIC = "192.0.2.1"
"""Documentation address (RFC 5737): the kernel names the local end of the way to it, nothing is sent."""


class Peer(NamedTuple):
    """Somebody that calls come from or go to."""

    name: str
    address: str
    """An IP address; empty when unknown."""


def examine_addresses(config: Config) -> list[Finding]:
    """Judge what each trunk, or the network at large, would be told."""
    findings: list[Finding] = []
    bound = next((one.host for one in config.sip.listen), "0.0.0.0")  # noqa: S104 - read, not bound
    for trunk in config.trunks or (None,):
        findings += _examine_peer(config, bound, trunk)
    return findings


def _examine_peer(config: Config, bound: str, trunk: TrunkConfig | None) -> Iterator[Finding]:
    if trunk is None:
        yield from judge_route(Peer("callers", ""), config.sip.advertised_address or "", bound)
        return
    host = host_of_uri(trunk.register_uri or trunk.outbound_proxy or "")
    addresses = resolve(host) if host else [network.partition("/")[0] for network in trunk.match]
    if not addresses:
        yield Finding(
            AREA, "fail", f"{host} (trunk {trunk.name}) has no address.", "Correct the name, or the DNS."
        )
        return
    told = trunk.advertised_address or config.sip.advertised_address or ""
    yield from judge_route(Peer(f"trunk {trunk.name}", addresses[0]), told, bound)


def judge_route(peer: Peer, configured: str, bound: str) -> Iterator[Finding]:
    """Find the address that this peer would be told, and judge it."""
    route = local_address_towards(peer.address or SOMEWHERE_PUBLIC)
    told = advertised_address(configured, "", bound, route)
    found = resolve(told) if told else []
    yield judge(peer, told, found[0] if found else "")


def judge(peer: Peer, told: str, address: str) -> Finding:
    """Judge an advertised address.

    Args:
        peer: who is told.
        told: what we would say; empty when nobody knows.
        address: the same as an IP address; empty when it is a name that does not resolve.
    """
    who = f"{peer.name} ({peer.address})" if peer.address else peer.name
    if not told:
        text = f"There is no route to {who}, so no address to tell."
        return Finding(AREA, "fail", text, "Repair the network, or set advertised_address in [sip].")
    if not address:
        return Finding(AREA, "fail", f"{told}, told to {who}, has no address.", "Correct advertised_address.")
    ours = ipaddress.ip_address(address)
    theirs = ipaddress.ip_address(peer.address) if peer.address else None
    if ours.is_unspecified:
        return Finding(AREA, "fail", f"{told} is no address to send to.", "Correct advertised_address.")
    if ours.is_loopback and theirs is None:
        text = f"We listen on {told} only: nobody outside this machine can call."
        return Finding(AREA, "warn", text, "Good for trying out. Otherwise listen on 0.0.0.0.")
    if ours.is_loopback and theirs is not None and not theirs.is_loopback:
        text = f"{who} would be told to send to {told}, which is this machine only for itself."
        return Finding(AREA, "fail", text, "Listen on 0.0.0.0, or set advertised_address in [sip].")
    if theirs is not None and theirs.is_global and not ours.is_global:
        text = f"{who} is on the Internet and would be told to send to the private address {told}."
        return Finding(AREA, "warn", text, "Behind a NAT set advertised_address to the public address.")
    if theirs is not None and theirs.is_private and not theirs.is_loopback and ours.is_global:
        text = f"{who} is in a private network and would be told to send to the public address {told}."
        fix = "If no router carries that back in, set advertised_address of the trunk to our private one."
        return Finding(AREA, "warn", text, fix)
    return Finding(AREA, "ok", f"{who} would be told to send to {told}.")


def host_of_uri(uri: str) -> str:
    """Host of a SIP URI; empty when there is none."""
    match = re.match(r"sips?:(?:[^@]*@)?(?:\[([^\]]+)\]|([^:;?>]+))", uri)
    return (match[1] or match[2]) if match else ""


def resolve(host: str) -> list[str]:
    """IP addresses of a host, an IP address being its own; none when it does not resolve."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
