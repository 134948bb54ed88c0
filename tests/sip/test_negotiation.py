from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip import negotiation as n
from talkpath.sip.sdes import OwnKeys
from talkpath.sip.sdp import SdpError, parse

if TYPE_CHECKING:
    from talkpath.sip.messages import SrtpPolicy

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 18 8 0 101 102\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=rtpmap:102 telephone-event/16000\r\na=ptime:40\r\n"
)
BOTH = ("PCMA", "PCMU")
US = n.LocalMedia("198.51.100.9", 20_000)
ORIGIN = "bridge 17 3 IN IP4 127.0.0.1"


def answer_to(offer: str) -> str:
    described = parse(offer)
    return n.write_answer(described, n.choose(described, BOTH), US, ORIGIN)


@pytest.mark.parametrize("codecs", [("PCMA", "PCMU"), ("PCMU", "PCMA"), ("G722", "PCMU", "PCMA")])
def test_the_codec_that_stands_first_in_our_configuration_is_taken_with_its_events(
    codecs: tuple[str, ...],
) -> None:
    offered = {codec.name for codec in parse(OFFER).media[0].codecs}
    choice = n.choose(parse(OFFER), codecs)
    assert choice.codec.name == next(name for name in codecs if name in offered)
    assert choice.dtmf is not None
    assert choice.dtmf.payload_type == 101


def test_the_answer_names_our_address_port_and_one_codec() -> None:
    assert answer_to(OFFER).splitlines() == [
        "v=0",
        "o=- 17 3 IN IP4 198.51.100.9",
        "s=-",
        "t=0 0",
        "m=audio 20000 RTP/AVP 8 101",
        "c=IN IP4 198.51.100.9",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=rtcp:20001",
        "a=sendrecv",
    ]


def test_other_lines_are_refused_in_their_place() -> None:
    offer = OFFER.replace("m=audio", "m=video 5000 RTP/AVP 31\r\nm=audio") + "m=image 6000 udptl t38\r\n"
    media = parse(answer_to(offer)).media
    assert [(line.kind, line.port) for line in media] == [("video", 0), ("audio", 20_000), ("image", 0)]
    assert all(line.address == "198.51.100.9" for line in media), "the stack refuses a line without c="


def test_an_srtp_line_is_passed_over_for_a_plain_one() -> None:
    offer = OFFER.replace("m=audio", "m=audio 4002 RTP/SAVP 8\r\nm=audio")
    assert [line.port for line in parse(answer_to(offer)).media] == [0, 20_000]


def test_rtcp_mux_is_taken_when_it_is_offered() -> None:
    answer = answer_to(OFFER + "a=rtcp-mux\r\n")
    assert "a=rtcp-mux" in answer
    assert "a=rtcp:" not in answer
    assert n.settle(parse(answer), parse(OFFER + "a=rtcp-mux\r\n")).rtcp_mux


@pytest.mark.parametrize(
    ("theirs", "ours", "sends", "receives"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("sendonly", "recvonly", False, True),
        ("recvonly", "sendonly", True, False),
        ("inactive", "inactive", False, False),
    ],
)
def test_directions_are_mirrored(theirs: str, ours: str, sends: bool, receives: bool) -> None:
    offer = f"{OFFER}a={theirs}\r\n"
    answer = answer_to(offer)
    assert f"a={ours}\r\n" in answer
    settled = n.settle(parse(answer), parse(offer))
    assert (settled.sends, settled.receives) == (sends, receives)


def test_what_was_settled_as_answerer() -> None:
    settled = n.settle(parse(answer_to(OFFER)), parse(OFFER))
    assert (settled.codec, settled.payload_type, settled.dtmf_payload_type) == ("PCMA", 8, 101)
    assert (settled.remote_address, settled.remote_port, settled.packet_time) == ("192.0.2.1", 4000, 40)
    assert (settled.local_address, settled.local_port) == ("198.51.100.9", 20_000)


def test_what_was_settled_as_offerer() -> None:
    ours = n.write_offer(("PCMU", "PCMA", "G722"), US, ORIGIN)
    theirs = OFFER.replace("18 8 0 101 102", "9").replace("a=rtpmap:101 telephone-event/8000\r\n", "")
    settled = n.settle(parse(ours), parse(theirs))
    assert (settled.codec, settled.payload_type, settled.dtmf_payload_type) == ("G722", 9, None)


@pytest.mark.parametrize("text", ["m=audio 0 RTP/AVP 0", "m=audio 4 RTP/AVP 18", "m=video 4 RTP/AVP 31"])
def test_an_answer_without_audio_of_ours_is_refused(text: str) -> None:
    ours = parse(n.write_offer(BOTH, US, ORIGIN))
    with pytest.raises(n.NotAcceptableError):
        n.settle(ours, parse(f"v=0\r\nc=IN IP4 192.0.2.1\r\n{text}\r\n"))


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        (OFFER.replace("18 8 0", "18"), "offered G729"),
        (OFFER.replace("RTP/AVP", "RTP/SAVP"), "RTP/SAVP"),
        (OFFER.replace("audio", "video"), "no audio"),
        (OFFER.replace("4000", "0"), "no audio"),
    ],
)
def test_what_cannot_be_answered_is_488_with_the_reason(offer: str, words: str) -> None:
    with pytest.raises(n.NotAcceptableError, match=words) as caught:
        n.choose(parse(offer), BOTH)
    assert caught.value.status == 488


def test_an_offer_needs_a_codec_that_we_can_offer() -> None:
    with pytest.raises(n.NotAcceptableError):
        n.write_offer(("G729",), US, ORIGIN)


def test_ipv6_is_named_as_such() -> None:
    text = n.write_offer(BOTH, n.LocalMedia("2001:db8::9", 4), "")
    assert "c=IN IP6 2001:db8::9" in text
    assert "o=- 0 0 IN IP6 2001:db8::9" in text


@given(
    st.lists(
        st.sampled_from([*OFFER.splitlines(), "m=audio 1 RTP/AVP 0", "a=inactive", "m=x 1 y z"]), max_size=30
    )
)
def test_any_readable_offer_is_refused_or_gets_an_answer_of_its_shape(lines: list[str]) -> None:
    try:
        offer = parse("v=0\n" + "\n".join(lines))
        text = n.write_answer(offer, n.choose(offer, BOTH), US, ORIGIN)
    except SdpError:
        return
    answer = parse(text)
    assert [line.kind for line in answer.media] == [line.kind for line in offer.media]
    assert [line.port for line in answer.media if line.port] == [20_000]
    assert n.settle(answer, offer).codec in BOTH


KEY = base64.b64encode(bytes(30)).decode()
CRYPTO = f"a=crypto:4 F8_128_HMAC_SHA1_80 inline:{KEY}\r\na=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
SECURE = OFFER.replace("RTP/AVP", "RTP/SAVP") + CRYPTO


@pytest.mark.parametrize(
    ("offer", "srtp", "tag"),
    [
        (SECURE, "optional", 5),
        (SECURE, "mandatory", 5),
        (OFFER + CRYPTO, "optional", 5),
        (OFFER + CRYPTO, "mandatory", 5),
        (OFFER + CRYPTO, "off", None),
        (OFFER, "optional", None),
        (OFFER + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n", "optional", None),
        (OFFER.replace("m=audio", "m=audio 3 RTP/SAVP 8\r\n" + CRYPTO + "m=audio"), "off", None),
    ],
)
def test_the_key_that_is_taken(offer: str, srtp: SrtpPolicy, tag: int | None) -> None:
    choice = n.choose(parse(offer), BOTH, srtp)
    assert (choice.crypto.tag if choice.crypto else None) == tag


def test_a_line_with_srtp_comes_before_a_plain_one() -> None:
    offer = OFFER + "m=audio 4002 RTP/SAVP 8\r\nc=IN IP4 192.0.2.1\r\n" + CRYPTO
    assert n.choose(parse(offer), BOTH, "optional").index == 1
    assert n.choose(parse(offer), BOTH).index == 0


@pytest.mark.parametrize(
    ("offer", "srtp", "words"),
    [
        (SECURE, "off", "RTP/SAVP"),
        (OFFER, "mandatory", "no a=crypto"),
        (SECURE.replace("a=crypto", "a=x"), "optional", "no a=crypto"),
        (SECURE.replace(f"AES_CM_128_HMAC_SHA1_80 inline:{KEY}", "X"), "optional", "F8_128"),
    ],
)
def test_what_srtp_forbids_is_488_with_the_reason(offer: str, srtp: SrtpPolicy, words: str) -> None:
    with pytest.raises(n.NotAcceptableError, match=words) as caught:
        n.choose(parse(offer), BOTH, srtp)
    assert caught.value.status == 488


def test_an_answer_with_srtp_has_our_key_under_the_chosen_tag() -> None:
    offer = parse(SECURE)
    choice = n.choose(offer, BOTH, "optional")
    assert choice.crypto is not None
    ours = OwnKeys().answer_to(choice.crypto)
    text = n.write_answer(offer, choice, US, ORIGIN, crypto=ours)
    assert "m=audio 20000 RTP/SAVP 8 101" in text
    assert text.count("a=crypto:") == 1
    settled = n.settle(parse(text), offer)
    assert settled.local_crypto.value == f"AES_CM_128_HMAC_SHA1_80 inline:{ours.key}"
    assert settled.remote_crypto.value == f"AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
    assert ours.key not in repr(settled)
    assert KEY not in repr(settled) + repr(offer)


def test_an_answer_without_a_key_settles_plain_rtp_where_it_was_left_to_the_peer() -> None:
    ours = n.write_offer(BOTH, US, ORIGIN, cryptos=OwnKeys().offer())
    assert n.settle(parse(ours), parse(OFFER)).local_crypto.value == ""


@pytest.mark.parametrize("answer", [OFFER, SECURE, SECURE.replace("a=crypto", "a=x")])
def test_an_answer_without_a_key_of_ours_is_refused_where_srtp_is_mandatory(answer: str) -> None:
    ours = n.write_offer(BOTH, US, ORIGIN, cryptos=OwnKeys().offer(), protocol="RTP/SAVP")
    with pytest.raises(n.NotAcceptableError, match="SRTP"):
        n.settle(parse(ours), parse(answer))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("sendrecv", "sendonly"), ("sendonly", "inactive"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_while_we_hold_nothing_is_received(theirs: str, ours: str) -> None:
    offer = parse(f"{OFFER}a={theirs}\r\n")
    text = n.write_answer(offer, n.choose(offer, BOTH), US, ORIGIN, hold=True)
    assert f"a={ours}\r\n" in text
    assert not n.settle(parse(text), offer).receives


OPUS_OFFER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 96 0 101 97\r\na=rtpmap:96 opus/48000/2\r\n"
    "a=fmtp:96 useinbandfec=1; maxaveragebitrate=24000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:97 telephone-event/48000\r\n"
)


def test_opus_is_answered_with_its_clock_its_channels_and_what_we_can_use() -> None:
    described = parse(OPUS_OFFER)
    answer = n.write_answer(described, n.choose(described, ("OPUS", "PCMU")), US, ORIGIN)
    assert answer.splitlines()[4:10] == [
        "m=audio 20000 RTP/AVP 96 97",
        "c=IN IP4 198.51.100.9",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:97 telephone-event/48000",
        "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1",
        "a=fmtp:97 0-15",
    ]
    settled = n.settle(parse(answer), described)
    assert (settled.codec, settled.payload_type) == ("OPUS", 96)
    assert settled.parameters == "useinbandfec=1; maxaveragebitrate=24000"
    assert (settled.dtmf_payload_type, settled.dtmf_clock_rate) == (97, 48_000)


def test_opus_is_only_taken_where_it_is_configured() -> None:
    assert n.choose(parse(OPUS_OFFER), ("PCMU",)).codec.name == "PCMU"
    assert n.choose(parse(OPUS_OFFER), ("PCMU", "OPUS")).codec.name == "PCMU"


def test_events_of_another_clock_are_better_than_none() -> None:
    offer = OPUS_OFFER.replace("a=rtpmap:97 telephone-event/48000\r\n", "")
    answer = n.write_answer(parse(offer), n.choose(parse(offer), ("OPUS",)), US, ORIGIN)
    settled = n.settle(parse(answer), parse(offer))
    assert (settled.dtmf_payload_type, settled.dtmf_clock_rate) == (101, 8_000)


def test_an_offer_with_opus_has_events_with_both_clocks() -> None:
    ours = n.write_offer(("OPUS", "PCMU"), US, ORIGIN)
    assert ours.splitlines()[4] == "m=audio 20000 RTP/AVP 111 0 101 110"
    assert "a=rtpmap:111 opus/48000/2" in ours
    assert "a=rtpmap:110 telephone-event/48000" in ours
    for formats, codec, events in (
        ("111 110", "OPUS", 110),
        ("111 101", "OPUS", 101),
        ("0 101", "PCMU", 101),
    ):
        lines = [
            line for line in ours.splitlines() if line.startswith("a=rtpmap") or line[:2] in {"v=", "c="}
        ]
        theirs = "\r\n".join([lines[0], f"m=audio 4000 RTP/AVP {formats}", *lines[1:]])
        settled = n.settle(parse(ours), parse(theirs))
        assert (settled.codec, settled.dtmf_payload_type) == (codec, events)


def test_parameters_without_end_are_cut_off() -> None:
    offer = OPUS_OFFER.replace("useinbandfec=1", "x=" + "y" * 5_000)
    described = parse(offer)
    answer = n.write_answer(described, n.choose(described, ("OPUS",)), US, ORIGIN)
    assert len(n.settle(parse(answer), described).parameters) == n.MAX_PARAMETERS
