from __future__ import annotations

import base64

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip import sdes

KEY = base64.b64encode(bytes(range(30))).decode()
GCM_KEY = base64.b64encode(bytes(range(28))).decode()
CM = f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
RTP = bytes([0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4]) + bytes(160)


@pytest.mark.parametrize("suite", sdes.SUITES)
def test_the_key_of_each_suite_has_the_size_that_libsrtp_wants(suite: str) -> None:
    """An independent judge of the sizes: libsrtp refuses a key of another length."""
    own = sdes.OwnKeys().answer_to(sdes.Crypto(1, suite, ""))
    key = base64.b64decode(own.key)

    def session(kind: int) -> pylibsrtp.Session:
        return pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=PROFILES[suite]))

    sealed = session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND).protect(RTP)
    assert sealed != RTP
    assert session(pylibsrtp.Policy.SSRC_ANY_INBOUND).unprotect(sealed) == RTP


@pytest.mark.parametrize(
    "value",
    [
        CM,
        f"{CM}|2^20",
        f"{CM}|1048576",
        f"{CM} WSH=128",
        f"{CM} -FUTURE=1",
        f"1 aes_cm_128_hmac_sha1_80 INLINE:{KEY}",
    ],
)
def test_a_key_is_read_with_what_does_not_concern_us(value: str) -> None:
    assert sdes.parse_crypto(value) == sdes.Crypto(1, "AES_CM_128_HMAC_SHA1_80", KEY)


def test_base64_may_lack_its_padding() -> None:
    found = sdes.parse_crypto(f"7 AEAD_AES_128_GCM inline:{GCM_KEY.rstrip('=')}")
    assert (found.tag, found.key) == (7, GCM_KEY)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "not a crypto"),
        ("x AES_CM_128_HMAC_SHA1_80 inline:abc", "not a crypto"),
        (f"1 F8_128_HMAC_SHA1_80 inline:{KEY}", "F8_128"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{GCM_KEY}", "28 bytes"),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:!!!", "not inline base64"),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:abcde", "base64"),
        ("1 AES_CM_128_HMAC_SHA1_80 uri:http://x", "not inline"),
        (f"{CM}|2^20|1:4", "MKI"),
        (f"{CM}|1:4", "MKI"),
        (f"{CM}|2^20|1:4;inline:{KEY}|2^20|2:4", "several keys"),
        (f"{CM}|2^49", "lifetime"),
        (f"{CM}|0", "lifetime"),
        (f"{CM}|soon", "cannot be read"),
        (f"{CM} UNENCRYPTED_SRTP", "parameter"),
        (f"{CM} KDR=1", "parameter"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason_that_does_not_show_the_key(
    value: str, words: str
) -> None:
    with pytest.raises(sdes.CryptoError, match=words) as caught:
        sdes.parse_crypto(value)
    assert KEY not in str(caught.value)
    assert sdes.usable([value, CM]) == [sdes.parse_crypto(CM)]
    assert words in sdes.problem_with([value])


def test_no_attribute_at_all_is_a_reason_too() -> None:
    assert "no a=crypto" in sdes.problem_with([])


def test_keys_stand_in_no_repr_and_not_in_a_masked_description() -> None:
    crypto = sdes.parse_crypto(CM)
    assert KEY not in repr(crypto) + repr(crypto.value)
    text = f"m=audio 1 RTP/SAVP 0\r\na=crypto:{CM}|2^20|1:4\r\na=sendrecv\r\n"
    masked = sdes.without_keys(text)
    assert KEY not in masked
    assert masked.count("\r\n") == 3
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***" in masked


def test_the_pair_has_one_tag_and_one_suite() -> None:
    ours = [one.attribute.removeprefix("a=crypto:") for one in sdes.OwnKeys().offer()]
    found = sdes.pair(ours, [f"2 AEAD_AES_128_GCM inline:{GCM_KEY}"])
    assert found is not None
    assert (found[0].tag, found[0].suite, found[1].key) == (2, "AEAD_AES_128_GCM", GCM_KEY)
    assert sdes.pair(ours, [f"3 AEAD_AES_128_GCM inline:{GCM_KEY}"]) is None
    assert sdes.pair(ours, []) is None


def test_a_key_stays_for_the_life_of_the_dialog_and_differs_between_dialogs() -> None:
    keys = sdes.OwnKeys()
    theirs = sdes.parse_crypto(CM)
    assert keys.answer_to(theirs) == keys.answer_to(theirs)
    assert keys.answer_to(theirs).key in {one.key for one in keys.offer()}
    assert keys.answer_to(theirs).key != sdes.OwnKeys().answer_to(theirs).key
    assert keys.answer_to(theirs).key != theirs.key


@given(st.text(max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert len(sdes.usable([text, f"1 AES_CM_128_HMAC_SHA1_80 {text}", f"{CM}{text}"])) <= 3


@given(st.sampled_from(list(sdes.SUITES)), st.integers(0, sdes.MAX_TAG), st.data())
def test_what_is_written_is_read_again(suite: str, tag: int, data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=sdes.SUITES[suite], max_size=sdes.SUITES[suite]))
    written = sdes.Crypto(tag, suite, base64.b64encode(raw).decode())
    assert sdes.parse_crypto(written.attribute.removeprefix("a=crypto:")) == written
