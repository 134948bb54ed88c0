from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip import messages as m
from talkpath.sip.digest import response
from talkpath.sip.gate import Request, refusal_headers
from talkpath.sip.reception import MERGED_SECONDS, Reception, registrar_addresses
from talkpath.sip.refer import DialogIds
from tests.sip.phone import OFFER

if TYPE_CHECKING:
    from talkpath.sip.admission import Verdict

PBX = m.TrunkSettings(name="pbx", source_networks=("192.0.2.0/24",), codecs=("PCMA",))


def reception() -> Reception:
    settings = m.SipSettings(listeners=(), trunks=(PBX,), blocked_user_agents=("evil dialler", ""))
    made = Reception(settings)
    made.admit(m.Admission(draining=False, free_lanes=10))
    return made


def request(
    method: str = "INVITE", body: str = OFFER, headers: str = "", source: str = "192.0.2.1:5060"
) -> Request:
    kind = "Content-Type: application/sdp\r\n" if body and "Content-Type" not in headers else ""
    fixed = f"From: <sip:a@b>;tag=1\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n"
    return Request(f"{method} sip:1@b SIP/2.0\r\n{fixed}{headers}{kind}\r\n{body}", source)


class Calls(NamedTuple):
    """Calls that live, all on one trunk."""

    all: int = 0

    def on_trunk(self, name: str) -> int:
        return self.all if name == "pbx" else 0

    def is_answered(self, trunk: str, ids: DialogIds) -> bool:
        return (trunk, ids) == ("pbx", DialogIds("abc", "1", "2"))

    def is_ringing(self, trunk: str, ids: DialogIds) -> bool:
        return (trunk, ids) == ("pbx", DialogIds("rings", "1", "2"))


IDLE = Calls()


def status(made: Reception, wanted: Request, now: float = 0.0) -> int:
    return made.decide(wanted, calls=IDLE, max_calls=10, now=now).status


def test_an_invite_of_a_trunk_is_admitted_under_its_name() -> None:
    assert reception().decide(request(), IDLE, 10, 0.0).trunk == "pbx"


def test_the_trunks_own_codecs_count() -> None:
    made = reception()
    assert status(made, request(body=OFFER.replace("8 0 101", "0"))) == 488
    assert made.codecs("pbx") == ("PCMA",)
    assert made.codecs("") == ("PCMU", "PCMA")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (request(body=""), 0),
        (request(body="x", headers="Content-Type: multipart/mixed\r\n"), 0),
        (request(body="x"), 400),
        (request(source="203.0.113.5:5060"), 403),
        (request(headers="nonsense\r\n"), 400),
        (request("REGISTER", "", source="203.0.113.5:5060"), -1),
        (request("REGISTER", ""), 405),
        (request("MESSAGE", ""), 405),
        (request("BYE", ""), 481),
        (request("NEWFANGLED", ""), 501),
        (request("NOTIFY", ""), 0),
        (request(headers="Content-Length: 9999\r\n"), 400),
        (request("OPTIONS", "", headers="Content-Length: 1\r\n"), 400),
        (request("OPTIONS", "", headers="Content-Length: \u0661\r\n"), 0),
        (
            replace(request("OPTIONS", ""), text=request("OPTIONS", "").text.replace("1 OPTIONS", "1 BYE")),
            400,
        ),
        (request("OPTIONS", "", source="203.0.113.5:5060"), 0),
        (request("REGISTER", "", headers="User-Agent: friendly-scanner\r\n"), -1),
        (request(headers="User-Agent: Evil Dialler 2\r\n"), -1),
        (request("OPTIONS", "", headers="User-Agent: evil dialler\r\n"), -1),
    ],
)
def test_verdicts(wanted: Request, expected: int) -> None:
    assert status(reception(), wanted) == expected


def test_the_same_invite_is_merged_only_for_the_life_of_its_transaction() -> None:
    made = reception()
    assert status(made, request(), 0.0) == 0
    assert status(made, request(), 1.0) == 482
    assert status(made, request(), MERGED_SECONDS + 1) == 0


def test_a_trunk_has_lines_of_its_own() -> None:
    trunk = m.TrunkSettings(name="pbx", source_networks=("192.0.2.0/24",), max_calls=2)
    made = Reception(m.SipSettings(listeners=(), trunks=(trunk,)))
    made.admit(m.Admission(draining=False, free_lanes=10))
    full = made.decide(request(), Calls(2), 10, 0.0)
    assert (full.status, full.counter, full.retry_after > 0) == (503, "trunk_capacity", True)
    assert made.decide(request(), Calls(1), 10, 0.0).admitted


def test_the_supervisors_word_holds_until_its_next_one() -> None:
    made = reception()
    made.admit(m.Admission(draining=False, free_lanes=0))
    assert status(made, request()) == 503
    made.admit(m.Admission(draining=False, free_lanes=1))
    assert status(made, request()) == 0


def test_overload_is_refused_by_its_name_and_passes() -> None:
    made = reception()
    made.admit(m.Admission(draining=False, free_lanes=0, overloaded=True))
    verdict = made.decide(request(), IDLE, 10, 0.0)
    assert (verdict.status, verdict.counter) == (503, "overloaded")
    assert dict(refusal_headers(verdict))["Retry-After"] == "10"
    made.admit(m.Admission(draining=False, free_lanes=3))
    assert status(made, request()) == 0


def test_a_refusal_says_why_and_when_to_try_again() -> None:
    made = reception()
    made.admit(m.Admission(draining=True, free_lanes=1))
    headers = dict(refusal_headers(made.decide(request(), IDLE, 10, 0.0)))
    assert headers == {"Reason": 'SIP;cause=503;text="this server takes no new calls"', "Retry-After": "60"}


def test_registrar_addresses_come_from_registrar_and_proxy() -> None:
    trunk = m.TrunkSettings(name="a", registrar="sip:127.0.0.1:5070", outbound_proxy="sip:127.0.0.2;lr")
    assert registrar_addresses(trunk) == ("127.0.0.1", "127.0.0.2")
    assert registrar_addresses(m.TrunkSettings(name="b", registrar="sip:no.such.host.invalid")) == ()


GUARDED = m.TrunkSettings(
    name="pbx",
    source_networks=("192.0.2.0/24",),
    challenge=True,
    username="pbx",
    password=m.Secret("right"),
)


def asked(made: Reception, credentials: str = "", now: float = 10.0) -> Verdict:
    headers = f"Authorization: {credentials}\r\n" if credentials else ""
    return made.decide(request(headers=headers), calls=IDLE, max_calls=10, now=now)


def credentials_for(verdict: Verdict, password: str) -> str:
    nonce = verdict.headers[0][1].partition('nonce="')[2].partition('"')[0]
    given_ = {"username": "pbx", "realm": "talkpath", "nonce": nonce, "uri": "sip:1@b", "algorithm": "MD5"}
    given_["response"] = response(given_, password, "INVITE")
    names = ("username", "realm", "nonce", "uri", "response", "algorithm")
    return "Digest " + ", ".join(f'{name}="{given_[name]}"' for name in names)


def test_a_trunk_that_asks_for_a_password_challenges_and_then_admits() -> None:
    made = Reception(m.SipSettings(listeners=(), trunks=(GUARDED,)))
    made.admit(m.Admission(draining=False, free_lanes=10))
    first = asked(made)
    assert (first.status, first.counter, len(first.headers)) == (401, "challenged", 2)
    assert asked(made, credentials_for(first, "wrong")).status == 403
    late = asked(made, credentials_for(first, "right"), now=100.0)
    assert (late.status, "stale=true" in late.headers[0][1]) == (401, True)
    assert asked(made, "Digest nonsense").status == 400
    assert asked(made, credentials_for(first, "right")).admitted


@given(st.text(max_size=300), st.text(max_size=30))
def test_any_text_gets_a_verdict(text: str, source: str) -> None:
    assert status(reception(), Request(f"INVITE {text}", source)) in {0, 400, 403, 488}


@pytest.mark.parametrize(
    ("header", "allowed", "expected"),
    [
        ("abc;to-tag=1;from-tag=2", True, 0),
        ("abc;to-tag=1;from-tag=2;early-only", True, 486),
        ("abc;to-tag=1;from-tag=3", True, 481),
        ("rings;to-tag=1;from-tag=2", True, 0),
        ("rings;to-tag=1;from-tag=2;early-only", True, 0),
        ("rings;to-tag=1;from-tag=2", False, 603),
        ("abc;to-tag=1", True, 400),
        ("abc;to-tag=1;from-tag=2", False, 603),
    ],
)
def test_who_may_replace_whom(header: str, allowed: bool, expected: int) -> None:
    pbx = m.TrunkSettings(name="pbx", source_networks=PBX.source_networks, accept_replaces=allowed)
    made = Reception(m.SipSettings(listeners=(), trunks=(pbx,)))
    made.admit(m.Admission(draining=False, free_lanes=0))
    wanted = request(headers=f"Replaces: {header}\r\n")
    assert made.decide(wanted, Calls(10), 10, 0.0).status == expected
    if expected == 0:
        assert made.decide(request(), Calls(10), 10, 0.0).status == 503


def test_codecs_that_the_stack_does_not_know_are_left_out_and_named() -> None:
    trunks = (m.TrunkSettings(name="wide", codecs=("OPUS", "G722", "PCMU")), m.TrunkSettings(name="usual"))
    made = Reception(m.SipSettings(listeners=(), trunks=trunks))
    assert made.codecs("wide") == ("OPUS", "G722", "PCMU")
    assert made.carry(frozenset({"PCMU", "PCMA", "G722"})) == {"OPUS"}
    assert made.codecs("wide") == ("G722", "PCMU")
    assert made.codecs("usual") == made.codecs("") == ("PCMU", "PCMA")
