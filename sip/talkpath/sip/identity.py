"""Who we say that we are in a call of ours: From, P-Asserted-Identity, Privacy (RFC 3323, RFC 3325). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from talkpath.sip.headers import safe_text, uri_host

if TYPE_CHECKING:
    from talkpath.sip.messages import Header, OutboundSettings, PlaceCall

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""RFC 3323, section 4.1.1.3."""

_HEADERS = {"asserted": "P-Asserted-Identity", "preferred": "P-Preferred-Identity"}


class Identity(NamedTuple):
    """The value of From and the headers that go with it."""

    address: str
    headers: tuple[Header, ...]


def identity_of(order: PlaceCall, rules: OutboundSettings, own_uri: str) -> Identity:
    """Say who calls: the order's words come before the trunk's, and those before our own address.

    Args:
        order: The call to place.
        rules: What its trunk says.
        own_uri: Our address of record at the trunk.
    """
    known = as_uri(order.from_uri or rules.caller, own_uri) or own_uri
    address = name_address(order.from_name or rules.caller_name, known)
    header = _HEADERS.get(rules.identity)
    headers: tuple[Header, ...] = ((header, address),) if header else ()
    if rules.private if order.private is None else order.private:
        return Identity(ANONYMOUS, (*headers, ("Privacy", "id")))
    return Identity(address, headers)


def as_uri(caller: str, own_uri: str) -> str:
    """A SIP URI for a caller that may be a bare number: it is one of our own domain then."""
    caller = safe_text(caller).strip("<>")
    if not caller or ":" in caller:
        return caller
    host = uri_host(own_uri)
    return f"sip:{caller.replace(' ', '')}@{f'[{host}]' if ':' in host else host}"


def name_address(name: str, uri: str) -> str:
    """A name-addr (RFC 3261, section 25.1) with the display name in quotes."""
    quoted = safe_text(name, 100).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{uri}>' if quoted else f"<{uri}>"
