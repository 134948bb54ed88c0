"""Telephones behind NAT: where requests of ours must go to reach them. Pure.

Such a telephone writes its private address into Contact. Responses find the way back (RFC 3581), requests of
ours (BYE, re-INVITE, REFER) would not. A registrar or proxy in front mends that; where there is none, the way
back is the way that the INVITE came.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from talkpath.sip.addresses import is_address, join_host_port, split_host_port
from talkpath.sip.headers import parse_address, uri_host

if TYPE_CHECKING:
    from talkpath.sip.headers import SipText
    from talkpath.sip.messages import Transport


def way_back(invite: SipText, source: str, transport: Transport) -> str:
    """The URI that requests of this dialog have to pass, when the Contact of the INVITE cannot be reached.

    Careful: no proxy may have been in between (one Via, no Record-Route), the sender must not have known its
    own address (another one in Via), and the Contact must be just as wrong: private, or that of the Via.

    Args:
        invite: The INVITE.
        source: Where it came from, ``host:port``.
        transport: What it came by.

    Returns:
        A SIP URI for a Route header; empty when the Contact is to be used as it is.
    """
    host, port = split_host_port(source)
    names = [name.lower() for name, _ in invite.headers]
    via = invite.first("Via")
    if "record-route" in names or names.count("via") != 1 or "," in via or not port:
        return ""
    sender, contact = _sent_by(via), uri_host(parse_address(invite.first("Contact")).uri)
    if host in {sender, contact} or not (is_address(sender) and is_address(contact)):
        return ""
    if contact != sender and ipaddress.ip_address(contact).is_global:
        return ""
    return f"sip:{join_host_port(host, port)};transport={transport}"


def _sent_by(via: str) -> str:
    """Host of a Via value: ``SIP/2.0/UDP 192.0.2.1:5060;branch=…``."""
    parts = via.partition(";")[0].split()
    return split_host_port(parts[-1])[0] if len(parts) > 1 else ""
