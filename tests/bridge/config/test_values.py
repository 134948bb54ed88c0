from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from talkpath.bridge.config.values import (
    HostPort,
    Listen,
    PortRange,
    check_web_address,
    format_duration,
    parse_duration,
    parse_host_port,
    parse_listen,
    parse_network,
    parse_port_range,
    parse_sip_uri,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("15m", 900.0),
        ("1h30m", 5400.0),
        ("500ms", 0.5),
        ("2 h", 7200.0),
        ("12", 12.0),
        (3, 3.0),
    ],
)
def test_durations_are_read_the_way_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5 apples", "m5", "-3s", "1h 3x", True, None, -1, float("nan")])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_duration(text)


@given(st.integers(0, 10**6))
def test_a_written_duration_reads_back_as_itself(seconds: int) -> None:
    assert parse_duration(format_duration(float(seconds))) == seconds


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("udp:0.0.0.0:5060", Listen("udp", "0.0.0.0", 5060)),  # noqa: S104 - read, not bound
        ("TLS:[::1]", Listen("tls", "::1", 5061)),
        ("tcp:127.0.0.1", Listen("tcp", "127.0.0.1", 5060)),
    ],
)
def test_listen_addresses_have_a_transport_and_a_default_port(text: str, listen: Listen) -> None:
    assert parse_listen(text) == listen
    assert parse_listen(str(listen)) == listen


@pytest.mark.parametrize(
    "text", ["0.0.0.0:5060", "sctp:1.2.3.4", "udp:pbx:5060", "udp:1.2.3.4:70000", 5, "udp:"]
)
def test_listen_addresses_that_cannot_be_are_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_listen(text)


def test_an_ipv6_address_without_brackets_is_explained() -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_host_port("2001:db8::1:5060")
    assert "brackets" in str((refused.value.context or {})["hint"])


def test_host_and_port_keep_brackets_around_ipv6() -> None:
    assert str(parse_host_port("[::1]:9090")) == "[::1]:9090"
    assert parse_host_port("127.0.0.1:0") == HostPort("127.0.0.1", 0)


def test_a_call_takes_an_even_port_and_the_next() -> None:
    assert parse_port_range("20000-29999").calls == 5000
    assert PortRange(20001, 20004).calls == 1
    assert PortRange(20001, 20002).calls == 0


@pytest.mark.parametrize("text", ["20000", "30000-20000", "80-90", "60000-70000", "20001-20002", 20000])
def test_port_ranges_that_cannot_be_are_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_port_range(text)


def test_networks_are_written_canonically() -> None:
    assert parse_network("192.0.2.77/24") == "192.0.2.0/24"
    assert parse_network("192.0.2.10") == "192.0.2.10/32"
    with pytest.raises(PydanticCustomError):
        parse_network("pbx.example.com")


@pytest.mark.parametrize("uri", ["pbx", "sip:", "sip:a b", "sip:a\r\nVia: x", "tel:123", 4])
def test_a_sip_address_cannot_smuggle_headers(uri: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_sip_uri(uri)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4318/v1", "https://example.com", "https://e.com/a@b?c=d@e"]
)
def test_web_addresses_are_taken(url: str) -> None:
    assert check_web_address(url) == url


@pytest.mark.parametrize(
    "url", ["https://al:hunter2@example.com/x", "http://hunter2@[::1]:9/", "http://a@b@c"]
)
def test_a_password_in_a_web_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(PydanticCustomError, match="carries a user name or password") as refused:
        check_web_address(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "ftp://example.com", "https://", "https:///x", "https://a b", "e.com"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(PydanticCustomError, match="is not a web address"):
        check_web_address(url)
