from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip import refer
from talkpath.sip.headers import parse_address, parse_message, uri_host, uri_user

IDS = refer.DialogIds("a1@192.0.2.1", "ours", "theirs")


@pytest.mark.parametrize(
    ("target", "domain", "preset", "uri"),
    [
        ("700", "pbx.example", "asterisk", "sip:700@pbx.example"),
        ("700", "pbx.example:5070", "freeswitch", "sip:700@pbx.example:5070"),
        ("+49 30 (901) 820", "pbx.example", "asterisk", "sip:+4930901820@pbx.example"),
        ("+4930901820", "sip.example", "twilio", "sip:+4930901820@sip.example;user=phone"),
        ("+4930901820", "sip.example", "telnyx", "sip:+4930901820@sip.example;user=phone"),
        ("+4930901820", "sip.example", "generic", "sip:+4930901820@sip.example;user=phone"),
        ("front desk", "pbx", "generic", "sip:front%20desk@pbx"),
        ("700", "2001:db8::1", "generic", "sip:700@[2001:db8::1]"),
        ("700", "[2001:db8::1]:5070", "generic", "sip:700@[2001:db8::1]:5070"),
        ("tel:+4930901820", "x", "asterisk", "tel:+4930901820"),
        ("sips:a@b.example;transport=tls", "x", "twilio", "sips:a@b.example;transport=tls"),
    ],
)
def test_targets_are_written_as_the_peer_reads_them(
    target: str, domain: str, preset: refer.Preset, uri: str
) -> None:
    assert refer.target_uri(target, domain, preset) == uri


@pytest.mark.parametrize(
    ("target", "domain"),
    [
        ("", "pbx"),
        ("700", ""),
        ("700", "pbx>"),
        ("mailto:a@b", "pbx"),
        ("sip:a b", "pbx"),
        ("sip:a>\r\nX: y", "p"),
        ("7" * 2000, "pbx"),
        ("sip:ä@b", "pbx"),
    ],
)
def test_what_is_no_target_is_refused(target: str, domain: str) -> None:
    with pytest.raises(refer.ReferError):
        refer.target_uri(target, domain)


def test_the_example_of_the_rfc_is_written_letter_by_letter() -> None:
    """RFC 3891, section 2.1 gives the escaped form of a Replaces header in a URI."""
    ids = refer.DialogIds("12345@192.168.118.3", "314159", "12345")
    value = refer.refer_to("sip:alice@example.com", (("Replaces", refer.replaces(ids)),))
    assert value == (
        "<sip:alice@example.com?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D314159>"
    )


def test_only_early_dialogs_can_be_asked_for() -> None:
    assert refer.replaces(IDS, early_only=True).endswith(";early-only")


def test_headers_in_a_tel_address_are_refused() -> None:
    assert refer.refer_to("tel:+4930") == "<tel:+4930>"
    with pytest.raises(refer.ReferError, match="tel"):
        refer.refer_to("tel:+4930", (("Replaces", "x"),))


def test_a_second_header_follows_the_first() -> None:
    value = refer.refer_to("sip:a@b?Subject=x", (("Replaces", "y"), ("User-to-User", "41;encoding=hex")))
    assert value == "<sip:a@b?Subject=x&Replaces=y&User-to-User=41%3Bencoding%3Dhex>"


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60),
    st.from_regex(r"[A-Za-z0-9.!%*_+`'~-]{1,40}", fullmatch=True),
)
def test_escaping_survives_any_call_id_and_breaks_out_of_nothing(call_id: str, tag: str) -> None:
    ids = refer.DialogIds(call_id, tag, "theirs")
    value = refer.refer_to("sip:a@b", (("Replaces", refer.replaces(ids)),))
    parsed = parse_address(value)
    assert not parsed.parameters
    name, _, escaped = parsed.uri.partition("?")[2].partition("=")
    assert name == "Replaces"
    assert not set(escaped) & set(' <>&;=,"?') - {"?"}
    assert unquote(escaped) == refer.replaces(ids)


@given(st.text(max_size=40), st.sampled_from(["pbx.example", "192.0.2.1:5070", "::1"]))
def test_any_target_is_refused_or_becomes_one_address(target: str, domain: str) -> None:
    try:
        uri = refer.target_uri(target, domain)
    except refer.ReferError:
        return
    value = refer.refer_to(uri)
    assert parse_address(value).uri == uri
    if ":" not in target:
        assert uri_host(uri) == domain.partition(":5070")[0]
        assert unquote(uri_user(uri)) in {target.strip(), *[target.strip().replace(c, "") for c in " "]} or (
            uri_user(uri).startswith("+")
        )


@pytest.mark.parametrize(
    "uri", ["sip:bot@pbx.example", "<sip:bot@pbx.example>", '"Bot" <sip:bot@pbx.example>;x=y']
)
def test_who_asks_is_named(uri: str) -> None:
    assert refer.referred_by(uri) == ("Referred-By", "<sip:bot@pbx.example>")


def test_who_asks_must_be_an_address() -> None:
    with pytest.raises(refer.ReferError):
        refer.referred_by("the bot")


@given(st.binary(min_size=1, max_size=refer.LONGEST_USER_TO_USER))
def test_user_to_user_data_is_hex(data: bytes) -> None:
    name, value = refer.user_to_user(data)
    assert name == "User-to-User"
    assert bytes.fromhex(value.partition(";")[0]) == data
    assert value.endswith(";encoding=hex")


@pytest.mark.parametrize(("data", "purpose"), [(b"", ""), (bytes(257), ""), (b"x", "a;b")])
def test_user_to_user_data_that_does_not_fit_is_refused(data: bytes, purpose: str) -> None:
    with pytest.raises(refer.ReferError):
        refer.user_to_user(data, purpose)


def test_user_to_user_names_its_package() -> None:
    assert refer.user_to_user(b"A", "isdn-uui")[1] == "41;purpose=isdn-uui;encoding=hex"
    assert refer.user_to_user(b"A", "a.b", "c-d")[1] == "41;purpose=a.b;content=c-d;encoding=hex"
    with pytest.raises(refer.ReferError, match="content"):
        refer.user_to_user(b"A", "", 'x"y')


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("SIP/2.0 200 OK", (200, "OK")),
        ("\r\nSIP/2.0 486 Busy Here\r\nTo: x\r\n", (486, "Busy Here")),
        ("SIP/2.0 180\n", (180, "")),
        ("SIP/2.0 603 a\x00b", (603, "a b")),
    ],
)
def test_fragments(body: str, found: tuple[int, str]) -> None:
    assert refer.parse_fragment(body) == found


@pytest.mark.parametrize(
    "body", ["", "SIP/2.0", "SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 2000", "HTTP/1.1 200"]
)
def test_a_fragment_without_a_status_line_is_refused(body: str) -> None:
    with pytest.raises(refer.ReferError):
        refer.parse_fragment(body)


@given(st.text(max_size=80))
def test_any_fragment_is_read_or_refused(body: str) -> None:
    for text in (body, f"SIP/2.0 {body}"):
        try:
            status, reason = refer.parse_fragment(text)
        except refer.ReferError:
            continue
        assert 100 <= status <= 699
        assert reason.isprintable() or "\n" not in reason


def test_the_ids_of_a_dialog_are_seen_from_us() -> None:
    tags = 'From: <sip:a@b>;tag=from\r\nTo: "x" <sip:b@b>;tag=to\r\nCall-ID: c\r\n\r\n'
    assert refer.dialog_ids(parse_message(f"SIP/2.0 200 OK\r\n{tags}")) == refer.DialogIds("c", "from", "to")
    assert refer.dialog_ids(parse_message(f"ACK sip:b SIP/2.0\r\n{tags}")) == refer.DialogIds(
        "c", "to", "from"
    )
    with pytest.raises(refer.ReferError):
        refer.dialog_ids(parse_message("SIP/2.0 200 OK\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\n\r\n"))
