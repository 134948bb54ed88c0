from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip import sdp

PHONE = """v=0
o=jdoe 2890844526 2890842807 IN IP4 10.47.16.5
s=Talk
c=IN IP4 192.0.2.17
t=0 0
a=sendrecv
m=audio 49170 RTP/AVP 9 0 8 96 13 101 102
a=rtpmap:96 opus/48000/2
a=rtpmap:101 telephone-event/8000
a=rtpmap:102 telephone-event/16000
a=fmtp:101 0-16
a=ptime:30
a=rtcp-mux
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc
m=video 51372 RTP/AVP 31
c=IN IP6 2001:db8::5
a=inactive
"""


def audio(text: str) -> sdp.Media:
    found = sdp.parse(text).audio
    assert found is not None
    return found


def test_an_audio_line_is_read_whole() -> None:
    line = audio(PHONE)
    assert (line.address, line.port, line.protocol, line.direction) == (
        "192.0.2.17",
        49_170,
        "RTP/AVP",
        "sendrecv",
    )
    assert [codec.name for codec in line.codecs] == [
        "G722", "PCMU", "PCMA", "OPUS", "CN", "TELEPHONE-EVENT", "TELEPHONE-EVENT",
    ]  # fmt: skip
    assert (line.packet_time, line.rtcp_mux, len(line.cryptos)) == (30, True, 1)
    wide = line.codec("TELEPHONE-EVENT", 16_000)
    assert wide is not None
    assert wide.payload_type == 102


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("53020", ("", 53_020)),
        ("53020 IN IP4 126.16.64.4", ("126.16.64.4", 53_020)),
        ("53020 IN IP6 2001:db8::4", ("2001:db8::4", 53_020)),
        ("53020 IN IP4 pbx.example.com", ("", 0)),
        ("70000", ("", 0)),
        ("", ("", 0)),
        ("x IN IP4", ("", 0)),
    ],
)
def test_the_address_of_rtcp_is_read(value: str, found: tuple[str, int]) -> None:
    assert audio(PHONE.replace("a=rtcp-mux", f"a=rtcp:{value}")).rtcp == found
    assert audio(PHONE).rtcp == ("", 0)


def test_media_level_values_win_over_session_level() -> None:
    video = sdp.parse(PHONE).media[1]
    assert (video.address, video.direction) == ("2001:db8::5", "inactive")


@pytest.mark.parametrize(
    ("attribute", "address", "direction"),
    [
        ("sendonly", "192.0.2.17", "sendonly"),
        ("recvonly", "192.0.2.17", "recvonly"),
        ("sendrecv", "0.0.0.0", "sendonly"),  # noqa: S104  the old way to hold, not a bind
        ("recvonly", "0.0.0.0", "inactive"),  # noqa: S104  the same
    ],
)
def test_direction_with_the_old_way_to_hold(attribute: str, address: str, direction: str) -> None:
    text = PHONE.replace("a=sendrecv", f"a={attribute}").replace("192.0.2.17", address)
    assert audio(text).direction == direction


def test_a_line_with_port_zero_is_not_the_audio() -> None:
    assert sdp.parse(PHONE.replace("49170", "0")).audio is None


def test_a_dynamic_mapping_wins_over_the_static_table() -> None:
    assert (
        audio(PHONE.replace("a=rtpmap:96 opus", "a=rtpmap:0 PCMA/8000\na=rtpmap:96 opus")).codecs[1].name
        == "PCMA"
    )


def test_malformed_attributes_are_skipped() -> None:
    line = audio(
        PHONE.replace("a=rtpmap:96 opus/48000/2", "a=rtpmap:x y\na=rtpmap:96\na=rtpmap:200 A/1\na=ptime:-3")
    )
    assert [codec.name for codec in line.codecs][:3] == ["G722", "PCMU", "PCMA"]
    assert line.packet_time == 30


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        PHONE.replace("c=IN IP4 192.0.2.17\n", ""),
        PHONE.replace("49170", "99999"),
        PHONE.replace("49170", "-1"),
        PHONE.replace("m=audio 49170 RTP/AVP", "m=audio x"),
        PHONE.replace("c=IN IP4 192.0.2.17", "c=IN IP4"),
        PHONE + "m=audio 1 RTP/AVP 0\n" * 20,
        PHONE + "a=x\n" * 600,
        PHONE + "a=" + "x" * 20_000,
    ],
)
def test_what_cannot_be_read_is_refused_with_400(text: str) -> None:
    with pytest.raises(sdp.SdpError) as caught:
        sdp.parse(text)
    assert caught.value.status == 400


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        sdp.parse(f"v=0\n{text}")
    except sdp.SdpError:
        return


@given(st.lists(st.sampled_from(PHONE.splitlines()), max_size=40), st.text(max_size=8))
def test_shuffled_lines_are_read_or_refused(lines: list[str], noise: str) -> None:
    try:
        sdp.parse("v=0\n" + "\n".join(lines) + noise)
    except sdp.SdpError:
        return


@pytest.mark.parametrize(
    ("address", "expected"),
    [("0.0.0.0", True), ("::", True), ("::1", False), ("pbx", False)],  # noqa: S104  a value, not a bind
)
def test_unspecified_addresses(address: str, expected: bool) -> None:
    assert sdp.is_unspecified(address) is expected
