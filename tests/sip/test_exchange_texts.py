from __future__ import annotations

import pytest

from talkpath.sip.exchange_texts import Replaced, refer_target, replaced_dialog
from talkpath.sip.headers import SipText, parse_message
from talkpath.sip.refer import DialogIds, ReferError


def message(*headers: str) -> SipText:
    return parse_message("INVITE sip:a SIP/2.0\r\n" + "".join(f"{line}\r\n" for line in headers) + "\r\n")


@pytest.mark.parametrize(
    ("value", "early_only"),
    [
        ("12adf2f34456gs5;to-tag=12345;from-tag=54321", False),
        ("12adf2f34456gs5 ; from-tag=54321 ; to-tag=12345;early-only", True),
        ("12adf2f34456gs5;TO-TAG=12345;From-Tag=54321;x=y", False),
    ],
)
def test_a_replaces_header_names_a_dialog_as_we_see_it(value: str, early_only: bool) -> None:
    found = replaced_dialog(message(f"Replaces: {value}"))
    assert found == Replaced(DialogIds("12adf2f34456gs5", "12345", "54321"), early_only)


def test_most_invites_replace_nothing() -> None:
    assert replaced_dialog(message("Subject: x")) is None


@pytest.mark.parametrize(
    "headers",
    [
        ("Replaces: a;to-tag=1;from-tag=2", "Replaces: b;to-tag=1;from-tag=2"),
        ("Replaces: a;to-tag=1;from-tag=2, b;to-tag=1;from-tag=2",),
        ("Replaces: a;to-tag=1",),
        ("Replaces: ;to-tag=1;from-tag=2",),
        ("Replaces: nonsense",),
    ],
)
def test_a_replaces_header_that_names_no_single_dialog_is_refused(headers: tuple[str, ...]) -> None:
    with pytest.raises(ReferError):
        replaced_dialog(message(*headers))


@pytest.mark.parametrize(
    ("value", "uri"),
    [
        ("<sip:700@pbx.example>", "sip:700@pbx.example"),
        ("sip:700@pbx.example", "sip:700@pbx.example"),
        ('"Desk" <sip:700@pbx.example;user=phone>', "sip:700@pbx.example;user=phone"),
        ("<sip:700@pbx.example;method=INVITE>", "sip:700@pbx.example;method=INVITE"),
        ("<sip:7@pbx?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>", "sip:7@pbx"),
        ("<tel:+4930901820>", "tel:+4930901820"),
    ],
)
def test_a_refer_to_names_whom_to_call(value: str, uri: str) -> None:
    assert refer_target(message(f"Refer-To: {value}")) == uri
    assert refer_target(message(f"r: {value}")) == uri


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Refer-To: <sip:a@b>", "Refer-To: <sip:c@d>"),
        ("Refer-To: <sip:a@b;method=BYE>",),
        ("Refer-To: <sip:a@b?P-Asserted-Identity=sip%3Aboss@b>",),
        ("Refer-To: <sip:a@b?%52oute=sip%3Aevil>",),
        ("Refer-To: <>",),
        ("Refer-To: <sip:" + "a" * 2000 + "@b>",),
    ],
)
def test_a_refer_that_would_make_us_say_something_else_is_refused(headers: tuple[str, ...]) -> None:
    with pytest.raises(ReferError):
        refer_target(message(*headers))
