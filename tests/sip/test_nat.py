"""Where requests to a telephone behind NAT go."""

from __future__ import annotations

import pytest

from talkpath.sip.headers import parse_message
from talkpath.sip.nat import way_back

INVITE = (
    "INVITE sip:700@203.0.113.10 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 10.77.0.2:5070;branch=z9hG4bK1;rport\r\n"
    "Contact: <sip:100@10.77.0.2:5070>\r\n\r\n"
)
SOURCE = "198.51.100.1:40001"


def back(text: str, source: str = SOURCE) -> str:
    return way_back(parse_message(text), source, "udp")


def test_requests_go_back_where_the_call_came_from() -> None:
    assert back(INVITE) == "sip:198.51.100.1:40001;transport=udp"
    assert way_back(parse_message(INVITE), SOURCE, "tls") == "sip:198.51.100.1:40001;transport=tls"


def test_an_address_in_ipv6_is_written_in_brackets() -> None:
    text = INVITE.replace("10.77.0.2", "[fd00::2]")
    assert back(text, "[2001:db8::1]:5060") == "sip:[2001:db8::1]:5060;transport=udp"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\r\n\r\n", "\r\nRecord-Route: <sip:10.77.0.1;lr>\r\n\r\n"),
        ("Contact", "Via: SIP/2.0/UDP 10.77.0.9;branch=z9hG4bK0\r\nContact"),
        (";rport", ";rport, SIP/2.0/UDP 10.77.0.9"),
        ("Via: SIP/2.0/UDP 10.77.0.2:5070", "Via: SIP/2.0/UDP 198.51.100.1:5070"),
        ("100@10.77.0.2", "100@198.51.100.1"),
        ("100@10.77.0.2", "100@phone.example.com"),
        ("100@10.77.0.2", "100@8.8.8.8"),
        ("Contact: <sip:100@10.77.0.2:5070>", "Subject: none"),
        ("Via: SIP/2.0/UDP 10.77.0.2:5070", "Via: x"),
    ],
    ids=[
        "record-route", "proxy", "proxy-in-one-line", "no-nat", "mended-contact", "named-contact",
        "public-contact", "no-contact", "broken-via",
    ],
)  # fmt: skip
def test_a_contact_that_may_be_right_is_used(old: str, new: str) -> None:
    assert old in INVITE
    assert back(INVITE.replace(old, new, 1)) == ""


def test_a_source_without_a_port_gives_no_way() -> None:
    assert back(INVITE, "198.51.100.1") == ""
