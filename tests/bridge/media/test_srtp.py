"""SRTP of one lane, packet by packet."""

from __future__ import annotations

import base64
import itertools
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.sockets import PACKET_BYTES
from talkpath.bridge.media.srtp import (
    MAX_SOURCES,
    OLD_KEY_PACKETS,
    OLD_KEY_STRAGGLERS,
    PROFILES,
    ProtectionError,
    Srtp,
)
from talkpath.codecs import rtcp
from talkpath.sip.messages import Secret
from tests.bridge.media.phone import frame, packet

SIZES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
SUITE = "AES_CM_128_HMAC_SHA1_80"


def key(seed: int, suite: str = SUITE) -> Secret:
    """A key that is the same in every run."""
    raw = Random(seed).randbytes(SIZES[suite])  # noqa: S311 - a fixed seed is the point
    return Secret(f"{suite} inline:{base64.b64encode(raw).decode()}")


def rtp_packet(sequence: int, ssrc: int = 7) -> bytes:
    return packet(frame(sequence), sequence, 160 * sequence, ssrc=ssrc)


class End:
    """One end of a stream and what it counted."""

    def __init__(self, local: int, remote: int, suite: str = SUITE) -> None:
        self.counted: Counter[Cause] = Counter()
        self.srtp = Srtp(lambda cause: self.counted.update([cause]))
        self.rekey(local, remote, suite)

    def rekey(self, local: int, remote: int, suite: str = SUITE) -> None:
        self.srtp.configure(key(local, suite), key(remote, suite))


def sender(seed: int, *, index: int = 0, ssrc: int = 7) -> Session:
    """A telephone's SRTP that has sent so many packets."""
    raw = base64.b64decode(key(seed).value.partition("inline:")[2])
    session = Session(Policy(key=raw, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    for number in range(0, index, 30_000):
        session.protect(rtp_packet(number, ssrc))
    return session


@pytest.mark.parametrize("suite", PROFILES)
def test_what_one_end_encrypts_the_other_reads(suite: str) -> None:
    one, other = End(1, 2, suite), End(2, 1, suite)
    for number in range(5):
        sealed = one.srtp.protect(memoryview(rtp_packet(number)))
        assert frame(number)[:16] not in sealed
        assert other.srtp.unprotect(sealed) == rtp_packet(number)
    report = rtcp.build_report(rtcp.ReceiverReport(9, ()), "name")
    sealed = other.srtp.protect_control(report)
    assert b"name" not in sealed
    assert one.srtp.unprotect(sealed) == report, "RTCP on the RTP port is told apart"
    assert one.srtp.unprotect_control(other.srtp.protect_control(report)) == report
    assert not one.counted
    assert not other.counted


@pytest.mark.parametrize(
    ("datagram", "cause"),
    [
        (rtp_packet(1), Cause.SRTP_UNAUTHENTICATED),
        (bytes(PACKET_BYTES), Cause.OVERSIZED),
        (rtp_packet(1)[:14], Cause.SRTP_MALFORMED),
        (b"\x9f" + bytes(30), Cause.SRTP_MALFORMED),
        (b"\x80\xc8\x00\x06" + bytes(24), Cause.SRTCP_REFUSED),
        (b"\x80\xc8\x00\x00", Cause.SRTCP_REFUSED),
    ],
    ids=["plain-rtp", "oversized", "bare-header", "sources-beyond-the-end", "plain-rtcp", "short-rtcp"],
)
def test_what_is_not_the_peers_is_refused_by_cause(datagram: bytes, cause: Cause) -> None:
    end = End(1, 2)
    assert end.srtp.unprotect(datagram) is None
    assert end.counted == {cause: 1}


@pytest.mark.parametrize("datagram", [b"", b"\x00\x01" + bytes(18), b"\x80\x00\x00"])
def test_what_is_not_rtp_at_all_is_left_to_the_counters_of_rtp(datagram: bytes) -> None:
    end = End(1, 2)
    assert end.srtp.unprotect(datagram) == datagram
    assert not end.counted


def test_a_changed_packet_and_another_key_are_refused() -> None:
    end = End(1, 2)
    sealed = bytearray(sender(2).protect(rtp_packet(1)))
    sealed[40] ^= 1
    assert end.srtp.unprotect(bytes(sealed)) is None
    assert end.srtp.unprotect(sender(3).protect(rtp_packet(1))) is None
    assert end.counted == {Cause.SRTP_UNAUTHENTICATED: 2}


def test_a_replayed_packet_is_refused_and_a_reordered_one_taken() -> None:
    end, peer = End(1, 2), sender(2)
    sealed = [peer.protect(rtp_packet(number)) for number in range(3)]
    assert end.srtp.unprotect(sealed[2])
    assert end.srtp.unprotect(sealed[0])
    assert end.srtp.unprotect(sealed[2]) is None
    assert end.counted == {Cause.SRTP_REPLAYED: 1}


def test_a_call_of_more_than_65536_packets_goes_on() -> None:
    one, other = End(1, 2), End(2, 1)
    for number in range(70_000):
        plain = rtp_packet(number) if number % 1000 == 0 else b"\x80\x00" + number.to_bytes(4)[2:] + bytes(8)
        assert other.srtp.unprotect(one.srtp.protect(plain)) == plain
    assert not other.counted


def test_a_hold_of_many_packets_across_the_wrap_is_followed() -> None:
    end, peer = End(1, 2), sender(2)
    taken = [end.srtp.unprotect(peer.protect(rtp_packet(number))) for number in (60_000, 80_000, 110_000)]
    assert all(taken)


def test_a_stream_whose_first_packets_with_the_highest_numbers_were_lost_is_found() -> None:
    end, peer = End(1, 2), sender(2)
    peer.protect(rtp_packet(65_530))
    for number in range(65_540, 65_560):
        assert end.srtp.unprotect(peer.protect(rtp_packet(number))) == rtp_packet(number)
    assert not end.counted
    replayed = peer.protect(rtp_packet(65_570))
    assert end.srtp.unprotect(replayed)
    assert end.srtp.unprotect(replayed) is None


def test_guessing_the_rollover_counter_ends_when_nothing_fits() -> None:
    end, stranger, peer = End(1, 2), sender(3), sender(2)
    for number in range(200):
        assert end.srtp.unprotect(stranger.protect(rtp_packet(number))) is None
    peer.protect(rtp_packet(65_530))
    assert end.srtp.unprotect(peer.protect(rtp_packet(65_540))) is None, "guesses are used up"
    assert end.srtp.unprotect(peer.protect(rtp_packet(65_540, ssrc=8))), "the key works as before"


def test_another_ssrc_under_the_same_key_is_taken_but_not_any_number_of_them() -> None:
    end, peer = End(1, 2), sender(2)
    for ssrc in range(MAX_SOURCES):
        assert end.srtp.unprotect(peer.protect(rtp_packet(1, ssrc)))
    assert end.srtp.unprotect(peer.protect(rtp_packet(1, MAX_SOURCES))) is None
    assert end.srtp.unprotect(peer.protect(rtp_packet(2, 0)))
    assert end.counted == {Cause.SRTP_SOURCES: 1}


def test_the_same_keys_again_change_nothing() -> None:
    end, peer = End(1, 2), sender(2, index=70_000)
    assert end.srtp.unprotect(peer.protect(rtp_packet(70_000)))
    first = end.srtp.protect(rtp_packet(1))
    end.rekey(1, 2)
    replayed = peer.protect(rtp_packet(70_001))
    assert end.srtp.unprotect(replayed)
    assert end.srtp.unprotect(replayed) is None, "the window is kept"
    assert end.srtp.protect(rtp_packet(2))[12:40] != first[12:40]


def test_no_packet_is_lost_while_the_peer_changes_its_key() -> None:
    end, old, new = End(1, 2), sender(2), sender(3)
    sealed = [old.protect(rtp_packet(number)) for number in range(40)]
    sealed += [new.protect(rtp_packet(number)) for number in range(40, 80)]
    sealed[38:42] = sealed[41], sealed[39], sealed[40], sealed[38]  # the network turns some around
    taken = [end.srtp.unprotect(datagram) for datagram in sealed[:20]]
    end.rekey(1, 3)
    taken += [end.srtp.unprotect(datagram) for datagram in sealed[20:]]
    assert all(taken)
    assert end.counted == {Cause.SRTP_OLD_KEY: 20}


@pytest.mark.parametrize("runs_on", [True, False], ids=["rfc-3711", "rfc-4568"])
def test_a_new_key_may_begin_a_new_rollover_counter_or_let_it_run_on(runs_on: bool) -> None:
    end, old = End(1, 2), sender(2)
    for number in range(0, 140_000, 20_000):
        assert end.srtp.unprotect(old.protect(rtp_packet(number)))
    end.rekey(1, 3)
    new = sender(3, index=140_000) if runs_on else sender(3)
    for number in range(140_000, 140_010):
        assert end.srtp.unprotect(new.protect(rtp_packet(number)))
    assert not end.counted


def test_an_old_key_ends_soon_after_the_new_one_is_heard() -> None:
    end, old, new = End(1, 2), sender(2), sender(3)
    assert end.srtp.unprotect(old.protect(rtp_packet(0)))
    end.rekey(1, 3)
    for number in range(1, OLD_KEY_STRAGGLERS + 1):
        assert end.srtp.unprotect(new.protect(rtp_packet(number)))
    assert end.srtp.unprotect(old.protect(rtp_packet(1))) is None


def test_an_old_key_ends_when_the_new_one_never_comes() -> None:
    end, old = End(1, 2), sender(2)
    assert end.srtp.unprotect(old.protect(rtp_packet(0)))
    end.rekey(1, 3)
    numbers = itertools.count(1)
    taken = sum(end.srtp.unprotect(old.protect(rtp_packet(next(numbers)))) is not None for _ in range(2_000))
    assert taken == OLD_KEY_PACKETS


def test_a_key_that_never_opened_anything_is_not_kept() -> None:
    end, old = End(1, 2), sender(2)
    end.rekey(1, 3)
    assert end.srtp.unprotect(old.protect(rtp_packet(0))) is None


@pytest.mark.parametrize("value", ["", "ROT13 inline:AAAA", f"{SUITE} inline:AAAA", f"{SUITE} inline:%%%%"])
def test_a_bad_key_is_refused_without_being_shown(value: str) -> None:
    end = End(1, 2)
    with pytest.raises(ValueError, match="SRTP") as caught:
        end.srtp.configure(Secret(value), key(2))
    assert "AAAA" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert end.srtp.protect(rtp_packet(0)), "the keys before stay"


def test_nothing_is_sent_or_taken_without_a_key() -> None:
    srtp = Srtp(lambda _cause: None)
    with pytest.raises(ProtectionError):
        srtp.protect(rtp_packet(0))
    assert srtp.unprotect(rtp_packet(0)) is None


def test_a_packet_that_cannot_be_encrypted_is_an_error_of_sending() -> None:
    with pytest.raises(OSError, match="too long"):
        End(1, 2).srtp.protect(bytes(2_000))


def test_keys_are_in_no_repr() -> None:
    end = End(1, 2)
    secret = key(2).value.partition("inline:")[2]
    assert secret not in repr(vars(end.srtp))
    assert secret not in repr(vars(end.srtp._opener))


@given(
    st.lists(
        st.sampled_from(["good", "lost", "again", "changed", "plain", "stranger", "noise"]), max_size=60
    ),
    st.data(),
)
@settings(max_examples=100, deadline=None)
def test_whatever_comes_only_what_the_peer_sent_gets_through_and_only_once(
    events: list[str], data: st.DataObject
) -> None:
    end, peer, stranger = End(1, 2), sender(2), sender(3)
    sent: list[bytes] = []
    refused = 0
    for number, event in enumerate(events):
        plain = rtp_packet(number)
        sealed = peer.protect(plain)
        if event in {"good", "lost"}:
            if event == "good":
                assert end.srtp.unprotect(sealed) == plain
                sent.append(sealed)
            continue
        at = data.draw(st.integers(0, len(sealed) - 1))
        datagram = {
            "again": sent[at % len(sent)] if sent else plain,
            "changed": sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :],
            "plain": plain,
            "stranger": stranger.protect(plain),
            "noise": b"\x80" + data.draw(st.binary(min_size=11, max_size=200)),
        }[event]
        opened = end.srtp.unprotect(datagram)
        assert opened is None or (datagram[0] >> 6 != 2 and opened == datagram)
        refused += opened is None
    assert sum(end.counted.values()) == refused
