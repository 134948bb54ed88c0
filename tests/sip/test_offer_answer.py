from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from talkpath.sip.negotiation import NotAcceptableError
from talkpath.sip.offer_answer import PLACEHOLDER_PORT, OfferAnswer, StreamFacts
from tests.sip.phone import OFFER

if TYPE_CHECKING:
    from talkpath.sip.messages import MediaDescription

STACK = (
    "v=0\r\no=- 40 41 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n"
)
ANSWER = "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 0\r\na=sendonly\r\n"


def media() -> OfferAnswer:
    return OfferAnswer(("PCMA", "PCMU"), "198.51.100.1")


def test_an_answer_made_before_the_port_is_known_has_a_placeholder_and_is_revised() -> None:
    exchange = media()
    assert f"m=audio {PLACEHOLDER_PORT} " in exchange.describe(STACK, OFFER)
    exchange.use_port(20_000)
    assert "m=audio 20000 " in exchange.final_answer()
    assert "o=- 40 41 IN IP4 198.51.100.1" in exchange.final_answer()


def test_an_exchange_is_given_once_and_only_when_it_is_complete() -> None:
    exchange = media()
    exchange.use_port(20_000)
    exchange.describe(STACK, OFFER)
    assert exchange.take_settled() is None
    exchange.complete()
    settled = exchange.take_settled()
    assert settled is not None
    assert (settled.codec, settled.local_port) == ("PCMA", 20_000)
    assert exchange.take_settled() is None


@pytest.mark.parametrize("complete_first", [True, False])
def test_our_offer_is_settled_by_the_peers_answer_in_any_order(complete_first: bool) -> None:
    exchange = media()
    exchange.use_port(20_000)
    assert exchange.final_answer() == ""
    exchange.describe(STACK, "")
    if complete_first:
        exchange.complete()
    assert exchange.take_settled() is None
    exchange.learn_answer(ANSWER)
    if not complete_first:
        assert exchange.take_settled() is None
        exchange.complete()
    settled = exchange.take_settled()
    assert settled is not None
    assert (settled.remote_port, settled.sends, settled.receives) == (6000, False, True)


def test_an_answer_is_not_expected_when_we_answered() -> None:
    exchange = media()
    exchange.describe(STACK, OFFER)
    exchange.learn_answer(ANSWER)
    exchange.complete()
    settled = exchange.take_settled()
    assert settled is not None
    assert settled.remote_port == 4000


def test_what_is_no_sdp_is_no_answer() -> None:
    exchange = media()
    exchange.describe(STACK, "")
    exchange.learn_answer("")
    exchange.learn_answer("hello")
    exchange.complete()
    assert exchange.answer_is_missing


@pytest.mark.parametrize(("sends", "receives"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_stacks_knowledge_stands_in_for_an_answer_that_was_not_shown(sends: bool, receives: bool) -> None:
    exchange = media()
    exchange.describe(STACK, "")
    exchange.complete()
    stream = StreamFacts("2001:db8::1", 6000, "PCMA", 8, 101, sends, receives)
    exchange.learn_stream(stream)
    settled = exchange.take_settled()
    assert settled is not None
    assert (settled.codec, settled.payload_type, settled.dtmf_payload_type) == ("PCMA", 8, 101)
    assert (settled.remote_address, settled.sends, settled.receives) == ("2001:db8::1", sends, receives)


def test_an_answer_that_switches_audio_off_is_an_error_once() -> None:
    exchange = media()
    exchange.describe(STACK, "")
    exchange.learn_answer(ANSWER.replace("6000", "0"))
    exchange.complete()
    with pytest.raises(NotAcceptableError):
        exchange.take_settled()
    assert exchange.take_settled() is None


def test_the_port_is_kept_when_it_is_not_named_again() -> None:
    exchange = media()
    exchange.use_port(20_000)
    exchange.use_port(0)
    assert exchange.local.port == 20_000


def test_a_bad_offer_is_seen_before_it_is_answered() -> None:
    with pytest.raises(NotAcceptableError):
        media().check_offer(OFFER.replace("8 0 101", "18"))


KEYS = [base64.b64encode(bytes([number]) * 30).decode() for number in range(3)]


def secure(key: str, *, tag: int = 1, direction: str = "sendrecv") -> str:
    crypto = f"a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"
    return OFFER.replace("RTP/AVP", "RTP/SAVP") + f"a={direction}\r\n{crypto}"


def exchanged(exchange: OfferAnswer, offer: str) -> MediaDescription:
    exchange.describe(STACK, offer)
    exchange.complete()
    settled = exchange.take_settled()
    assert settled is not None
    return settled


def test_a_new_key_of_the_peer_is_told_and_ours_stays() -> None:
    exchange = OfferAnswer(("PCMA",), "198.51.100.1", "mandatory")
    exchange.use_port(20_000)
    first = exchanged(exchange, secure(KEYS[0]))
    second = exchanged(exchange, secure(KEYS[1]))
    assert first.remote_crypto != second.remote_crypto
    assert second.remote_crypto.value.endswith(KEYS[1])
    assert first.local_crypto == second.local_crypto
    assert first.local_crypto.value


def test_a_mandatory_trunk_offers_savp_and_an_optional_one_leaves_it_to_the_peer() -> None:
    for policy, protocol in (("mandatory", "RTP/SAVP"), ("optional", "RTP/AVP")):
        exchange = OfferAnswer(("PCMA",), "198.51.100.1", policy)  # type: ignore[arg-type]  # from a literal
        text = exchange.describe(STACK, "")
        assert f" {protocol} 8 101" in text
        assert text.count("a=crypto:") == 4
    assert "a=crypto" not in media().describe(STACK, "")


def test_an_offer_in_a_call_with_srtp_keeps_its_transport_and_key() -> None:
    exchange = OfferAnswer(("PCMA",), "198.51.100.1", "optional")
    settled = exchanged(exchange, secure(KEYS[0], tag=9))
    text = exchange.describe(STACK, "")
    assert "RTP/SAVP" in text
    assert settled.local_crypto.value.rpartition(":")[2] in text
    exchange.complete()
    exchange.learn_stream(StreamFacts("192.0.2.9", 6000, "PCMA", 8, 101, sends=True, receives=True))
    again = exchange.take_settled()
    assert again is not None
    assert (again.local_crypto, again.remote_crypto) == (settled.local_crypto, settled.remote_crypto)


def test_a_hold_of_ours_is_named_in_offers_and_answers_and_taken_back() -> None:
    exchange = media()
    exchange.hold = True
    assert "a=sendonly" in exchange.describe(STACK, "")
    exchanged(exchange, OFFER + "a=sendonly\r\n")
    assert "a=inactive" in exchange.describe(STACK, "")
    exchange.learn_answer(ANSWER.replace("sendonly", "inactive"))
    exchange.complete()
    assert exchange.take_settled() is not None
    assert "a=inactive" in exchange.describe(STACK, ""), "an inactive answer does not say that they let go"
    exchange.hold = False
    assert "a=sendrecv" in exchange.describe(STACK, "")


def test_an_offer_that_is_not_taken_leaves_the_exchange_before_it_as_it_was() -> None:
    """A re-INVITE of ours that is refused while the answer to an earlier offer is still to come."""
    exchange = media()
    exchange.use_port(20_000)
    exchange.describe(STACK, "")
    before = exchange.checkpoint()
    exchange.hold = True
    exchange.describe(STACK, "")
    exchange.back_to(before)
    exchange.learn_answer(ANSWER.replace("sendonly", "sendrecv"))
    exchange.complete()
    settled = exchange.take_settled()
    assert settled is not None
    assert (settled.sends, settled.receives) == (True, True)
