from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.config.transfer import TransferConfig
from talkpath.bridge.transfer.briefing import Share, Subject
from talkpath.bridge.transfer.summary_headers import clip, headers, summary
from talkpath.sip.headers import parse_message

BOTH = ("X-Talkpath-Summary", "User-to-User")
REASON: tuple[Share, ...] = ("reason",)
TEXT = "Ms Weber's chain broke; she needs the bicycle tomorrow."
SUBJECT = Subject(reason="a broken chain", summary=TEXT, caller="+4930123456")


def terms(*names: str, **more: Any) -> TransferConfig:
    return TransferConfig.model_validate({"targets": ("sales",), "headers": names, **more})


def decoded(value: str) -> str:
    """What a receiver of User-to-User reads."""
    return bytes.fromhex(value.partition(";")[0]).decode()


def test_headers_are_written_only_when_they_are_named() -> None:
    assert headers(SUBJECT, terms()) == ()
    assert headers(Subject(caller="1"), terms(*BOTH)) == ()
    assert headers(SUBJECT, terms(*BOTH)) == (
        ("X-Talkpath-Summary", TEXT),
        ("User-to-User", f"{TEXT.encode().hex()};encoding=hex"),
    )


def test_what_may_not_be_shared_is_in_no_header() -> None:
    assert summary(SUBJECT, ("conversation", "caller")) == ""


def test_the_reason_stands_in_for_a_missing_summary() -> None:
    assert summary(Subject(reason="a flat tyre"), REASON) == "a flat tyre"


def test_user_to_user_has_the_parameters_and_the_first_byte_of_the_configuration() -> None:
    own = terms(
        "User-to-User",
        user_to_user_purpose="isdn-uui",
        user_to_user_content="isdn-uui",
        user_to_user_prefix="04",
    )
    ((_, value),) = headers(SUBJECT, own)
    assert value == f"04{TEXT.encode().hex()};purpose=isdn-uui;content=isdn-uui;encoding=hex"


@pytest.mark.parametrize(
    "number", ["4111 1111 1111 1111", "+49 (0)30 123-456", "12345", "4111-1111-1111-1111", "+4930123456"]
)
def test_long_numbers_stay_out_of_headers(number: str) -> None:
    line = summary(Subject(summary=f"Card {number}, at 10:30, order 42."), REASON)
    assert line == "Card [number], at 10:30, order 42."


@pytest.mark.parametrize("end", ["\r\n", "\n", "\x00", "\x85", "\u2028", "\ud800", "\x1b"])
def test_a_header_cannot_be_broken_out_of(end: str) -> None:
    subject = Subject(summary=f"one{end}Route: <sip:evil>{end}{end}two")
    (name, value), (_, coded) = headers(subject, terms(*BOTH))
    assert (name, value) == ("X-Talkpath-Summary", "one Route: <sip:evil> two")
    assert decoded(coded) == value


@given(
    st.text(min_size=1, max_size=900),
    st.integers(min_value=20, max_value=600),
    st.integers(min_value=20, max_value=256),
    st.sampled_from(["", "04", "00010203"]),
)
def test_headers_stay_within_their_limits_and_are_one_line(
    text: str, longest: int, room: int, prefix: str
) -> None:
    own = terms(*BOTH, summary_bytes=longest, user_to_user_bytes=room, user_to_user_prefix=prefix)
    for name, value in headers(Subject(summary=text), own):
        (read,) = parse_message(f"INVITE sip:a@b SIP/2.0\r\n{name}: {value}\r\n\r\n").headers
        assert read == (name, value)
        if name == "X-Talkpath-Summary":
            assert 0 < len(value.encode()) <= longest
        else:
            data = bytes.fromhex(value.partition(";")[0])
            assert len(prefix) // 2 < len(data) <= room
            assert data[: len(prefix) // 2].hex() == prefix
            data[len(prefix) // 2 :].decode()


@given(st.text(max_size=300), st.integers(min_value=8, max_value=200))
def test_a_clipped_text_fits_and_is_a_beginning(text: str, longest: int) -> None:
    clipped = clip(text, longest)
    assert len(clipped.encode()) <= longest
    assert clipped == text or text.startswith(clipped.removesuffix("…"))


@pytest.mark.parametrize("longest", range(8, 40))
def test_no_character_loses_its_accent(longest: int) -> None:
    text = unicodedata.normalize("NFD", "größer ärgerlich éééééééééé überall")
    kept = clip(text, longest).removesuffix("…")
    assert not unicodedata.combining((text[len(kept) :] or "x")[0])
