from __future__ import annotations

import pytest

from talkpath.sip import addresses as a


@pytest.mark.parametrize(
    ("trunk", "listener", "bound", "route", "expected"),
    [
        ("203.0.113.1", "203.0.113.2", "10.0.0.1", "10.0.0.2", "203.0.113.1"),
        ("", "203.0.113.2", "10.0.0.1", "10.0.0.2", "203.0.113.2"),
        ("", "", "10.0.0.1", "10.0.0.2", "10.0.0.1"),
        ("", "", "0.0.0.0", "10.0.0.2", "10.0.0.2"),  # noqa: S104  a value, not a bind
        ("", "", "::", "2001:db8::1", "2001:db8::1"),
        ("", "", "", "", ""),
    ],
)
def test_the_order_of_addresses(trunk: str, listener: str, bound: str, route: str, expected: str) -> None:
    assert a.advertised_address(trunk, listener, bound, route) == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("192.0.2.1:5060", ("192.0.2.1", 5060)),
        ("[::1]:5060", ("::1", 5060)),
        ("::1", ("::1", 0)),
        ("a:b", ("a", 0)),
    ],
)
def test_host_and_port(text: str, parts: tuple[str, int]) -> None:
    assert a.split_host_port(text) == parts


def test_joining_is_the_inverse() -> None:
    assert a.join_host_port("::1", 5060) == "[::1]:5060"
    assert a.split_host_port(a.join_host_port("192.0.2.1", 1)) == ("192.0.2.1", 1)


def test_the_route_to_loopback_starts_at_loopback() -> None:
    assert a.local_address_towards("127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize("peer", ["a name", "", "pbx.example.com"])
def test_no_name_is_looked_up_for_a_route(peer: str) -> None:
    assert a.local_address_towards(peer) == ""


def test_families() -> None:
    assert a.is_ipv6("::1")
    assert not a.is_ipv6("192.0.2.1")
    assert not a.is_ipv6("pbx")
