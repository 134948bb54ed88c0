from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip.admission import AdmissionPolicy, Load, RateLimiter, TrunkMatcher, is_scanner
from talkpath.sip.messages import TrunkSettings

CARRIER = TrunkSettings(name="carrier", source_networks=("192.0.2.0/24", "2001:db8::/32"))
PBX = TrunkSettings(name="pbx", registrar="sip:pbx.example.com")
FREE = Load(calls=0, max_calls=10, free_lanes=5, draining=False)


def policy(*trunks: TrunkSettings, rate: float = 0.0, private: bool = True) -> AdmissionPolicy:
    matcher = TrunkMatcher(trunks, private, {"pbx": ("198.51.100.5",)})
    return AdmissionPolicy(matcher, RateLimiter(rate))


@pytest.mark.parametrize(
    ("source", "trunk"),
    [
        ("192.0.2.77", "carrier"),
        ("2001:db8::1", "carrier"),
        ("::ffff:192.0.2.3", "carrier"),
        ("198.51.100.5", "pbx"),
        ("198.51.100.6", None),
        ("127.0.0.1", None),
        ("not an address", None),
    ],
)
def test_the_trunk_of_a_source(source: str, trunk: str | None) -> None:
    assert policy(CARRIER, PBX).matcher.match(source) == trunk


@pytest.mark.parametrize(
    ("source", "private", "trunk"),
    [
        ("10.1.2.3", True, ""),
        ("127.0.0.1", True, ""),
        ("fe80::1%eth0", True, ""),
        ("8.8.8.8", True, None),
        ("10.1.2.3", False, None),
    ],
)
def test_without_trunks_private_sources_may_call_if_that_is_wanted(
    source: str, private: bool, trunk: str | None
) -> None:
    assert policy(private=private).matcher.match(source) == trunk


def test_a_wrong_network_names_trunk_and_text() -> None:
    with pytest.raises(ValueError, match=r"trunk bad: '10\.0\.0\.0/40'"):
        TrunkMatcher([TrunkSettings(name="bad", source_networks=("10.0.0.0/40",))], True, {})


@pytest.mark.parametrize(
    ("source", "agent", "load", "status", "counter"),
    [
        ("192.0.2.1", "Asterisk", FREE, 0, "admitted"),
        ("192.0.2.1", "friendly-scanner", FREE, -1, "scanner"),
        ("203.0.113.1", "", FREE, 403, "unknown_source"),
        ("192.0.2.1", "", Load(0, 10, 5, draining=True), 503, "draining"),
        ("192.0.2.1", "", Load(10, 10, 5, draining=False), 503, "capacity"),
        ("192.0.2.1", "", Load(0, 10, 0, draining=False), 503, "no_lane"),
        ("192.0.2.1", "", Load(0, 10, 0, draining=False, overloaded=True), 503, "overloaded"),
        ("192.0.2.1", "", Load(0, 10, 5, draining=False, overloaded=True), 0, "admitted"),
    ],
)
def test_verdicts(source: str, agent: str, load: Load, status: int, counter: str) -> None:
    verdict = policy(CARRIER).invite(source, agent, load, now=0.0)
    assert (verdict.status, verdict.counter) == (status, counter)
    assert bool(verdict.retry_after) == (status == 503)


def test_the_rate_is_per_source_and_recovers() -> None:
    rules = policy(CARRIER, rate=2.0)
    first = [rules.invite("192.0.2.1", "", FREE, now=10.0).status for _ in range(3)]
    assert first == [0, 0, 503]
    assert rules.invite("192.0.2.2", "", FREE, now=10.0).admitted
    assert rules.invite("192.0.2.1", "", FREE, now=10.5).admitted


def test_the_table_of_sources_is_bounded() -> None:
    limiter = RateLimiter(1.0, max_sources=3)
    for number in range(10):
        limiter.allow(str(number), 0.0)
    assert len(limiter) == 3


def test_a_clock_that_goes_back_gives_nothing() -> None:
    limiter = RateLimiter(1.0)
    assert limiter.allow("a", 100.0)
    assert not limiter.allow("a", 0.0)


def test_options_is_503_only_while_draining() -> None:
    assert policy(CARRIER).options("Kamailio", Load(10, 10, 0, draining=False)).admitted
    assert policy(CARRIER).options("", Load(0, 10, 5, draining=True)).status == 503
    assert policy(CARRIER).options("SIPVicious 0.3", FREE).status == -1


@given(st.text(max_size=40), st.text(max_size=40), st.floats(0, 1e9))
def test_any_source_gets_a_verdict(source: str, agent: str, now: float) -> None:
    verdict = policy(CARRIER, PBX, rate=5.0).invite(source, agent, FREE, now)
    assert verdict.status in {-1, 0, 403, 503}


def test_known_tools_are_seen_in_any_letter_case() -> None:
    assert is_scanner("Friendly-Scanner")
    assert not is_scanner("Asterisk PBX 22")
