"""Which transport a request came by, or a URI asks for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkpath.sip.headers import SipText
    from talkpath.sip.settings import Transport


def transport_of(message: SipText) -> Transport:
    """Transport that a request came by: that of its topmost Via."""
    return _transport(message.first("Via").partition(" ")[0].rpartition("/")[2])


def transport_in(uri: str) -> Transport:
    """Transport that a SIP URI asks for."""
    parameter = uri.lower().partition(";transport=")[2].partition(";")[0].partition(">")[0]
    return "tls" if uri.lower().startswith("sips:") else _transport(parameter)


def _transport(name: str) -> Transport:
    match name.strip().lower():
        case "tcp":
            return "tcp"
        case "tls":
            return "tls"
    return "udp"
