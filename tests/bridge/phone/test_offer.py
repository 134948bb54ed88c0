from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.phone.offer import MAX_CANDIDATES, MAX_OFFER, OfferError, clean_offer, usable

OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 00:11
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
"""
HOST = "a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host generation 0"
NAMED = "a=candidate:2 1 udp 2122260223 0f0e-4f.local 50000 typ host"
OVER_TCP = "a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active"


def test_a_browsers_offer_is_taken_and_its_lines_end_as_sdp_has_it() -> None:
    cleaned = clean_offer(OFFER)
    assert cleaned.splitlines() == OFFER.splitlines()
    assert cleaned.count("\r\n") == len(OFFER.splitlines())


def test_only_udp_addresses_are_kept_and_candidates_may_always_come() -> None:
    offer = f"{OFFER}{HOST}\n{NAMED}\n{OVER_TCP}\na=end-of-candidates\n"
    assert [line for line in clean_offer(offer).splitlines() if "candidate" in line] == [HOST]


def test_candidates_are_limited() -> None:
    many = "\n".join(HOST.replace("50000", str(50_000 + number)) for number in range(100))
    assert clean_offer(OFFER + many).count("a=candidate:") == MAX_CANDIDATES


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ("", "one stream of audio"),
        (OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 111\n", "it holds 2"),
        (OFFER.replace("m=audio", "m=video"), "one stream of audio"),
        (OFFER.replace("opus", "speex"), "Opus"),
        (OFFER.replace("a=fingerprint:sha-256 00:11\n", ""), "a=fingerprint:"),
        (OFFER.replace("a=ice-pwd", "a=x"), "a=ice-pwd:"),
        (OFFER + "a=x\n" * MAX_OFFER, "characters"),
    ],
)
def test_what_is_no_offer_of_one_voice_is_refused_with_its_reason(offer: str, words: str) -> None:
    with pytest.raises(OfferError, match=words):
        clean_offer(offer)


@pytest.mark.parametrize("port", ["0", "65536", "x", "99999999999999", "-1"])
def test_a_candidate_needs_a_port(port: str) -> None:
    assert usable(HOST)
    assert not usable(HOST.replace("50000", port))


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(text: str) -> None:
    usable(text)
    with contextlib.suppress(OfferError):
        clean_offer(OFFER + text)
