"""SRTP keys through one real SIP process: what the stack lets through, and what never appears in a log."""

from __future__ import annotations

import base64
import contextlib
import functools
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

KEYS = {suite: base64.b64encode(bytes([7]) * size).decode() for suite, size in [("CM", 30), ("GCM", 44)]}
CM = f"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEYS['CM']}|2^31\r\n"
GCM = f"a=crypto:2 AEAD_AES_256_GCM inline:{KEYS['GCM']}\r\n"
UNKNOWN = "a=crypto:1 NEW_SUITE inline:AAAA\r\n"


@pytest.fixture(scope="module")
def processes() -> Iterator[Callable[[m.SrtpPolicy], SipProcessDouble]]:
    """One SIP process for each policy, started when it is first asked for."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def process(policy: m.SrtpPolicy) -> SipProcessDouble:
            trunk = m.TrunkSettings(name="pbx", source_networks=("127.0.0.0/8",), srtp=policy)
            return stack.enter_context(running(settings(trunks=(trunk,))))

        yield process


@pytest.fixture
def sip(
    processes: Callable[[m.SrtpPolicy], SipProcessDouble], request: pytest.FixtureRequest
) -> SipProcessDouble:
    """The process of the policy that the test names."""
    return processes(request.param)


def under(*policies: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sip", policies, indirect=True)


def savp(cryptos: str, profile: str = "RTP/SAVP") -> str:
    return OFFER.replace("RTP/AVP", profile) + cryptos


def call_in(sip: SipProcessDouble, phone: Phone, offer: str) -> SipText:
    """Call and let the worker answer; returns the final response."""
    phone.send(phone.request("INVITE", offer))
    call = sip.expect(m.IncomingCall, lambda call: call.sip_call_id == phone.call_id)
    assert not any(key in repr(call) for key in KEYS.values())
    sip.send(m.Answer(call=call.call, rtp_port=20_000))
    final = phone.final("INVITE")
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    return final


def media_of(sip: SipProcessDouble) -> m.MediaDescription:
    media = sip.expect(m.MediaUpdated).media
    assert not any(key in repr(media) for key in KEYS.values())
    return media


def hang_up(sip: SipProcessDouble, phone: Phone, cseq: int = 9) -> None:
    phone.send(phone.request("BYE", cseq=cseq, branch=f"{phone.branch}bye"))
    assert status_of(phone.final("BYE")) == 200
    sip.expect(m.CallEnded)


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
@pytest.mark.parametrize("cryptos", [UNKNOWN + CM + GCM, GCM])
@under("optional", "mandatory")
def test_the_first_key_that_we_know_is_taken(sip: SipProcessDouble, profile: str, cryptos: str) -> None:
    tag, suite, key = (
        (4, "AES_CM_128_HMAC_SHA1_80", KEYS["CM"]) if CM in cryptos else (2, "AEAD_AES_256_GCM", KEYS["GCM"])
    )
    with Phone(sip.port) as phone:
        final = call_in(sip, phone, savp(cryptos, profile))
        assert status_of(final) == 200
        assert f"m=audio 20000 {profile} 0 101" in final.body
        media = media_of(sip)
        assert media.remote_crypto.value == f"{suite} inline:{key}"
        assert f"a=crypto:{tag} {media.local_crypto.value}\r\n" in final.body
        hang_up(sip, phone)


@under("mandatory")
def test_a_reinvite_brings_a_new_key_and_finds_ours_unchanged(sip: SipProcessDouble) -> None:
    with Phone(sip.port) as phone:
        call_in(sip, phone, savp(CM))
        first = media_of(sip)
        fresh = base64.b64encode(bytes([9]) * 30).decode()
        offer = savp(f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{fresh}\r\n")
        phone.send(phone.request("INVITE", offer, cseq=2, branch="z9hG4bKrekey"))
        assert status_of(phone.final("INVITE")) == 200
        phone.send(phone.request("ACK", cseq=2, branch="z9hG4bKrekeyack"))
        second = media_of(sip)
        assert second.remote_crypto.value.endswith(fresh)
        assert second.local_crypto == first.local_crypto
        hang_up(sip, phone)


@pytest.mark.parametrize(
    ("sip", "offer"), [("off", OFFER), ("off", OFFER + CM), ("optional", OFFER)], indirect=["sip"]
)
def test_plain_rtp_is_taken_unless_srtp_is_mandatory(sip: SipProcessDouble, offer: str) -> None:
    with Phone(sip.port) as phone:
        final = call_in(sip, phone, offer)
        assert "RTP/AVP 0 101" in final.body
        assert "a=crypto" not in final.body
        assert media_of(sip).local_crypto.value == ""
        hang_up(sip, phone)


@pytest.mark.parametrize(
    ("sip", "offer", "words"),
    [
        ("off", savp(CM), "RTP/SAVP"),
        ("mandatory", OFFER, "no a=crypto"),
        ("optional", savp(UNKNOWN), "NEW_SUITE"),
        ("mandatory", savp(CM.replace("2^31", "2^31|1:4")), "MKI"),
    ],
    indirect=["sip"],
)
def test_what_the_policy_forbids_is_488_with_the_reason(
    sip: SipProcessDouble, offer: str, words: str
) -> None:
    with Phone(sip.port) as phone:
        phone.send(phone.request("INVITE", offer))
        final = phone.final("INVITE")
        phone.send(phone.request("ACK"))
        assert status_of(final) == 488
        assert words in final.first("Reason")
        assert KEYS["CM"] not in final.first("Reason")


@pytest.mark.parametrize(
    ("sip", "profile"), [("mandatory", "RTP/SAVP"), ("optional", "RTP/AVP")], indirect=["sip"]
)
def test_our_own_offer_has_a_key_for_each_suite(sip: SipProcessDouble, profile: str) -> None:
    with Phone(sip.port) as phone:
        sip.send(
            m.PlaceCall(
                call=f"c-{phone.port}",
                uri=f"sip:7@127.0.0.1:{phone.port}",
                rtp_port=30_010,
                trunk="pbx",
                vouched=True,
            )
        )
        invite = phone.receive()
        assert f"m=audio 30010 {profile} " in invite.body
        assert invite.body.count("a=crypto:") == 4
        answer = savp(GCM.replace("crypto:2", "crypto:3"), profile)
        phone.send(
            ok_to(
                invite,
                headers=f"Contact: <sip:7@127.0.0.1:{phone.port}>\r\nContent-Type: application/sdp\r\n",
                body=answer,
            )
        )
        media = media_of(sip)
        assert media.remote_crypto.value == f"AEAD_AES_256_GCM inline:{KEYS['GCM']}"
        assert f"a=crypto:3 {media.local_crypto.value}\r\n" in invite.body
        assert phone.receive().method == "ACK"
        sip.send(m.HangUp(call=f"c-{phone.port}"))
        phone.send(ok_to(phone.receive()))
        sip.expect(m.CallEnded)
