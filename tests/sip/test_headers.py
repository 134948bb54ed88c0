from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip import headers as h

INVITE = (
    "INVITE sip:600@pbx SIP/2.0\r\nv: SIP/2.0/UDP a;branch=1\r\nf: <sip:a@b>;tag=7\r\n"
    "Subject: one\r\n  two\r\nX-A: 1\r\nx-a: 2\r\n"
    "Authorization: Digest secret\r\nproxy-authorization: Digest x\r\n\r\nv=0\r\nbody\r\n\r\nrest"
)


def test_compact_names_become_long_and_the_order_stays() -> None:
    message = h.parse_message(INVITE)
    assert [name for name, _ in message.headers][:3] == ["Via", "From", "Subject"]


def test_folded_lines_are_one_value() -> None:
    assert h.parse_message(INVITE).first("subject") == "one two"


def test_the_first_of_duplicates_is_found_by_any_letter_case() -> None:
    message = h.parse_message(INVITE)
    assert message.first("X-A") == "1"
    assert [value for name, value in message.headers if name.lower() == "x-a"] == ["1", "2"]


def test_the_body_is_kept_as_it_was() -> None:
    assert h.parse_message(INVITE).body == "v=0\r\nbody\r\n\r\nrest"
    assert h.parse_message("OPTIONS sip:a SIP/2.0\nTo: b\n\nbody").body == "body"


def test_start_line_parts() -> None:
    message = h.parse_message(INVITE)
    assert (message.method, message.request_uri) == ("INVITE", "sip:600@pbx")
    assert h.parse_message("nonsense").request_uri == ""


def test_credentials_are_left_out() -> None:
    names = {name for name, _ in h.without_secrets(h.parse_message(INVITE).headers)}
    assert not names & {"Authorization", "proxy-authorization"}


@pytest.mark.parametrize(
    "text",
    [
        "A b SIP/2.0\r\nno colon\r\n\r\n",
        "A b SIP/2.0\r\n" + "X: 1\r\n" * 300,
        "x" * 70_000,
        "A\r\nbad name: 1\r\n\r\n",
    ],
)
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(h.HeaderError):
        h.parse_message(text)


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        message = h.parse_message(text)
    except h.HeaderError:
        return
    assert all(name for name, _ in message.headers)


@given(st.text(max_size=200))
def test_any_value_is_some_address(text: str) -> None:
    address = h.parse_address(text)
    h.uri_host(address.uri)
    h.uri_user(address.uri)


@pytest.mark.parametrize(
    ("value", "name", "uri", "tag"),
    [
        ('"Ann \\"A\\" Lee" <sip:a@b;user=phone>;tag=1', 'Ann "A" Lee', "sip:a@b;user=phone", "1"),
        ("Ann <sip:a@b>", "Ann", "sip:a@b", ""),
        ("sip:a@b;tag=2", "", "sip:a@b", "2"),
        ("<tel:+49301234>;TAG=x", "", "tel:+49301234", "x"),
        ('"unclosed <sip:a@b>', '"unclosed', "sip:a@b", ""),
    ],
)
def test_name_and_address(value: str, name: str, uri: str, tag: str) -> None:
    address = h.parse_address(value)
    assert (address.name, address.uri, address.parameters.get("tag", "")) == (name, uri, tag)


@pytest.mark.parametrize(
    ("uri", "host", "user"),
    [
        ("sip:600@pbx.example.com:5070;transport=tcp", "pbx.example.com", "600"),
        ("sips:[2001:db8::1]:5061", "2001:db8::1", ""),
        ("sip:pbx?X=1", "pbx", ""),
        ("sip:a:password@Host", "host", "a"),
        ("tel:+4930;phone-context=x", "+4930", "+4930"),
    ],
)
def test_parts_of_a_uri(uri: str, host: str, user: str) -> None:
    assert (h.uri_host(uri), h.uri_user(uri)) == (host, user)


@given(st.text(max_size=300))
def test_a_reason_never_leaves_its_line_and_reads_back(text: str) -> None:
    name, value = h.reason_header(503, text)
    assert name == "Reason"
    assert not any(ord(character) < 32 for character in value)
    assert h.reason_text(value) == h.safe_text(text)


def test_reason_text_of_others() -> None:
    assert h.reason_text('Q.850;cause=16;text="Normal \\"clear\\""') == 'Normal "clear"'
    assert h.reason_text("SIP;cause=200;text=elsewhere") == "elsewhere"
    assert h.reason_text("SIP;cause=200") == ""


def test_retry_after_is_at_least_a_second() -> None:
    assert h.retry_after_header(0) == ("Retry-After", "1")
