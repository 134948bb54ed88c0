from __future__ import annotations

import pytest

from talkpath.sip.negotiation import NotAcceptableError
from talkpath.sip.offer_answer import PLACEHOLDER_PORT, OfferAnswer, StreamFacts
from tests.sip.phone import OFFER

STACK = (
    "v=0\r\no=- 40 41 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n"
)
ANSWER = "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 0\r\na=sendonly\r\n"


def media() -> OfferAnswer:
    return OfferAnswer(("PCMU", "PCMA"), "198.51.100.1")


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
