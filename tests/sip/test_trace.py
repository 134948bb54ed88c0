"""SIP messages of single calls: what is shown, what is not, and what Homer gets."""

from __future__ import annotations

import json
import logging
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from talkpath.sip.counters import Counters
from talkpath.sip.hep import Packet, encode
from talkpath.sip.json_log import JsonFormatter
from talkpath.sip.trace import Tracer, is_traced, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

INVITE = (
    "INVITE sip:100@pbx SIP/2.0\r\nCall-ID: abc@pbx\r\n"
    'Authorization: Digest username="u",\r\n response="0123456789abcdef"\r\n'
    'Proxy-Authorization : Digest response="fedcba"\r\nTo: <sip:100@pbx>\r\n\r\n'
    "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\r\n"
)


def test_credentials_keys_and_pressed_keys_are_stars() -> None:
    clean = redacted(INVITE)
    for secret in ("0123456789abcdef", "fedcba", "c2VjcmV0"):
        assert secret not in clean
    assert "Authorization: ***\r\n" in clean
    assert "To: <sip:100@pbx>" in clean
    relay = "INFO sip:1@x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n"
    assert "Signal=*\r\nDuration=160" in redacted(relay)
    bare = "INFO sip:1@x SIP/2.0\r\nContent-Type: application/dtmf\r\nContent-Length: 1\r\n\r\n7"
    assert redacted(bare).endswith("\r\n\r\n*")


@pytest.mark.parametrize(
    ("patterns", "watched"),
    [((), False), (("+4930123",), True), (("+4930*",), True), (("1?0",), True), (("+4940*",), False)],
)
def test_numbers_are_watched_by_patterns(patterns: tuple[str, ...], watched: bool) -> None:
    assert is_traced(patterns, "sip:+4930123@pbx.example.com", "100") is watched


@pytest.fixture
def homer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        yield server


def chunks(datagram: bytes) -> dict[int, bytes]:
    """Read HEP3 the way its specification says, independent of the encoder."""
    assert datagram[:4] == b"HEP3"
    assert int.from_bytes(datagram[4:6], "big") == len(datagram)
    found, at = {}, 6
    while at < len(datagram):
        vendor, kind, length = struct.unpack_from("!HHH", datagram, at)
        assert vendor == 0
        found[kind] = datagram[at + 6 : at + length]
        at += length
    return found


def test_a_packet_is_as_the_specification_says() -> None:
    packet = Packet("192.0.2.1:5060", "192.0.2.2:5070", 1_700_000_000.25, "abc@pbx", "SIP/2.0 200 OK\r\n\r\n")
    found = chunks(encode(packet, 2001, "key"))
    assert found == {
        1: b"\x02",
        2: b"\x11",
        3: bytes([192, 0, 2, 1]),
        4: bytes([192, 0, 2, 2]),
        7: (5060).to_bytes(2, "big"),
        8: (5070).to_bytes(2, "big"),
        9: (1_700_000_000).to_bytes(4, "big"),
        10: (250_000).to_bytes(4, "big"),
        11: b"\x01",
        12: (2001).to_bytes(4, "big"),
        14: b"key",
        15: b"SIP/2.0 200 OK\r\n\r\n",
        17: b"abc@pbx",
    }


def test_ipv6_has_chunks_of_its_own_and_a_long_message_is_cut() -> None:
    found = chunks(encode(Packet("[2001:db8::1]:1", "[2001:db8::2]:2", 0.0, "", "x" * 70_000), 1))
    assert found[1] == b"\x0a"
    assert (len(found[5]), len(found[6])) == (16, 16)
    assert len(found[15]) == 60_000
    assert 14 not in found
    with pytest.raises(ValueError, match="families"):
        encode(Packet("192.0.2.1:1", "[2001:db8::2]:2", 0.0, "", ""), 1)


def test_only_watched_calls_are_logged_and_all_go_to_homer(
    homer: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = m.TraceSettings(callers=("+4930*",), homer=f"127.0.0.1:{homer.getsockname()[1]}", capture_id=7)
    tracer = Tracer(settings, Counters())
    tracer.begin("c-1", "sip:+4930123@pbx")
    tracer.begin("c-2", "sip:+4940123@pbx")
    for call in ("c-1", "c-2"):
        tracer.message(call, "received", INVITE, "127.0.0.1:5060", "127.0.0.1:5080")
        got = chunks(homer.recv(65_536))
        assert got[17] == b"abc@pbx"
        assert b"0123456789abcdef" not in got[15]
        assert (got[7], got[8]) == ((5080).to_bytes(2, "big"), (5060).to_bytes(2, "big"))
    line = json.loads(JsonFormatter().format(caplog.records[0]))
    assert len(caplog.records) == 1
    assert (line["event"], line["call"], line["sip_call_id"]) == ("sip_message", "c-1", "abc@pbx")
    tracer.close()


def test_a_call_is_watched_on_demand_and_until_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tracer = Tracer(m.TraceSettings(), Counters())
    tracer.message("c-1", "sent", INVITE, "", "")
    tracer.watch("c-1", on=True)
    tracer.message("c-1", "sent", INVITE, "", "")
    tracer.end("c-1")
    tracer.message("c-1", "sent", INVITE, "", "")
    assert len(caplog.records) == 1


def test_a_homer_that_cannot_be_reached_is_counted_and_nothing_else() -> None:
    counters = Counters()
    tracer = Tracer(m.TraceSettings(homer="127.0.0.1:9"), counters)
    tracer.message("c-1", "sent", INVITE, "127.0.0.1:5060", "a name:5060")
    assert counters.get("homer_unsent") == 1
    tracer.close()
