"""REFERs of ours through one real SIP process, against a telephone that answers as no real one would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, ok_to, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.headers import SipText
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def sip() -> Iterator[SipProcessDouble]:
    with running(settings()) as process:
        yield process


def notify(phone: Phone, refer: SipText, number: int, body: str, state: str = "active;expires=60") -> int:
    """Send a NOTIFY for a REFER; returns the status of the answer."""
    headers = f"Event: refer;id={refer.first('CSeq').split()[0]}\r\nSubscription-State: {state}\r\n" + (
        "Content-Type: message/sipfrag;version=2.0\r\n" if body else ""
    )
    request = phone.request("NOTIFY", cseq=number, headers=headers, branch=f"{phone.branch}n{number}")
    head, _, _ = request.decode().partition("Content-Length")
    phone.send(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return status_of(phone.final("NOTIFY"))


def stages(sip: SipProcessDouble, *wanted: str) -> list[tuple[str, int, str]]:
    found = [sip.expect(m.ReferProgress) for _ in wanted]
    assert [one.stage for one in found] == list(wanted), found
    return [(one.stage, one.status, one.reason) for one in found]


def test_a_refer_has_the_headers_of_the_order_and_no_others(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    sip.send(
        m.Refer(
            call=call,
            refer_to="sip:+49301@pbx.example;user=phone",
            referred_by="sip:bot@pbx.example",
            headers=(("X-Summary", "wants an invoice"), ("User-to-User", "41;encoding=hex")),
        )
    )
    refer = phone.receive()
    assert refer.method == "REFER"
    values = {name: value for name, value in refer.headers if name.startswith(("Refer", "X-", "User-to"))}
    assert values == {
        "Refer-To": "<sip:+49301@pbx.example;user=phone>",
        "Referred-By": "<sip:bot@pbx.example>",
        "X-Summary": "wants an invoice",
        "User-to-User": "41;encoding=hex",
    }
    assert "norefersub" in ",".join(value for name, value in refer.headers if name == "Supported")
    phone.send(ok_to(refer, status="202 Accepted"))
    assert notify(phone, refer, 2, "SIP/2.0 100 Trying\r\n") == 200
    assert notify(phone, refer, 3, "SIP/2.0 180 Ringing\r\n") == 200
    assert notify(phone, refer, 4, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource") == 200
    told = stages(sip, "accepted", "trying", "ringing", "done")
    assert [status for _, status, _ in told] == [202, 100, 180, 200]


SUMMARY = (("X-Talkpath-Summary", "Müller, red"), ("User-to-User", "41;encoding=hex"))


def test_headers_for_the_new_call_stand_in_refer_to_where_that_has_room(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    written = "X-Talkpath-Summary=M%C3%BCller%2C%20red&User-to-User=41%3Bencoding%3Dhex"
    for target, refer_to, of_the_request in (
        ("sip:7@pbx.example", f"<sip:7@pbx.example?{written}>", ()),
        ("tel:+4930123", "<tel:+4930123>", SUMMARY),
    ):
        sip.send(m.Refer(call=call, refer_to=target, new_call_headers=SUMMARY))
        refer = phone.receive()
        assert refer.first("Refer-To") == refer_to
        assert tuple(one for one in refer.headers if one[0].startswith(("X-", "User-to"))) == of_the_request
        phone.send(ok_to(refer, status="603 Decline"))
        stages(sip, "refused")


def test_a_busy_target_is_told_and_the_next_transfer_works(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    for first, outcome in ((2, "486 Busy Here"), (4, "200 OK")):
        sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
        refer = phone.receive()
        assert refer.first("Referred-By") == ""
        phone.send(ok_to(refer, status="202 Accepted"))
        assert notify(phone, refer, first, f"SIP/2.0 {outcome}\r\n", "terminated;reason=noresource") == 200
        assert stages(sip, "accepted", "done")[1][1] == int(outcome[:3])


@pytest.mark.parametrize("status", ["403 Forbidden", "405 Method Not Allowed", "603 Decline", "401 Who"])
def test_a_refusal_is_told_and_the_call_goes_on(
    sip: SipProcessDouble, phone: Phone, call: str, status: str
) -> None:
    sip.send(m.Refer(call=call, refer_to="tel:+4930123"))
    refer = phone.receive()
    assert refer.first("Refer-To") == "<tel:+4930123>"
    phone.send(ok_to(refer, status=status))
    ((_, code, reason),) = stages(sip, "refused")
    assert f"{code} {reason}" == status


def test_the_end_of_an_old_transaction_says_nothing_about_the_next_transfer(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    """The stack keeps a refused REFER for T4 (5 s, RFC 3261, timer K) and then tells its status again."""
    sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
    phone.send(ok_to(phone.receive(), status="603 Decline"))
    stages(sip, "refused")
    sip.send(m.Refer(call=call, refer_to="sip:8@pbx.example"))
    refer = phone.receive()
    phone.send(ok_to(refer, status="202 Accepted"))
    stages(sip, "accepted")
    with pytest.raises(AssertionError, match="it did not happen"):
        sip.run_until(lambda: any(isinstance(one, m.ReferProgress) for one in sip.inbox), patience=5.5)
    assert notify(phone, refer, 2, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource") == 200
    stages(sip, "done")


def test_a_peer_that_reports_nothing_has_taken_the_call(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
    phone.send(ok_to(phone.receive(), status="200 OK", headers="Refer-Sub: false\r\n"))
    assert stages(sip, "accepted", "done")[1][1] == 200


def test_reports_that_end_without_an_outcome_are_lost_and_later_ones_are_counted(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
    refer = phone.receive()
    phone.send(ok_to(refer, status="202 Accepted"))
    assert notify(phone, refer, 2, "SIP/2.0 100 Trying\r\n") == 200
    assert notify(phone, refer, 3, "SIP/2.0 183 Progress\r\n", "terminated;reason=giveup") == 200
    assert "giveup" in stages(sip, "accepted", "trying", "ringing", "lost")[3][2]
    notify(phone, refer, 4, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
    sip.expect_gauge("calls", 1)
    assert not [one for one in sip.inbox if isinstance(one, m.ReferProgress)]


@pytest.mark.parametrize("body", ["", "garbage", "SIP/2.0 abc", "\x01\x02" * 50, "HTTP/1.1 200 OK\r\n"])
def test_a_fragment_that_cannot_be_read_is_counted_and_a_good_one_still_counts(
    sip: SipProcessDouble, phone: Phone, call: str, body: str
) -> None:
    before = sip.counters().get("notify:malformed", 0)
    sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
    refer = phone.receive()
    phone.send(ok_to(refer, status="202 Accepted"))
    notify(phone, refer, 2, body)
    sip.expect_counter("notify:malformed", before + 1)
    assert notify(phone, refer, 3, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource") == 200
    stages(sip, "accepted", "done")


def test_a_second_transfer_waits_for_the_outcome_of_the_first(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    for _ in range(2):
        sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
    refer = phone.receive()
    assert stages(sip, "refused")[0][1] == 491
    phone.send(ok_to(refer, status="202 Accepted"))
    notify(phone, refer, 2, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
    stages(sip, "accepted", "done")


def test_the_end_of_the_call_loses_a_transfer_that_was_not_decided(sip: SipProcessDouble) -> None:
    with Phone(sip.port) as phone:
        phone.send(phone.request("INVITE", OFFER))
        call = sip.expect(m.IncomingCall).call
        sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
        assert stages(sip, "refused")[0][1] == 481
        sip.send(m.Answer(call=call, rtp_port=20_000))
        phone.final("INVITE")
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        sip.expect(m.CallConfirmed)
        sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
        phone.send(ok_to(phone.receive(), status="202 Accepted"))
        stages(sip, "accepted")
        phone.send(phone.request("BYE", cseq=2, branch=f"{phone.branch}bye"))
        stages(sip, "lost")
        sip.expect(m.CallEnded)
        sip.send(m.Refer(call=call, refer_to="sip:7@pbx.example"))
        sip.expect_counter("late_command:refer")


@pytest.mark.parametrize("order", [{"refer_to": "nonsense"}, {"refer_to": "sip:a@b>\r\nX: y"}, {}])
def test_an_order_that_cannot_be_written_is_refused(
    sip: SipProcessDouble, call: str, order: dict[str, str]
) -> None:
    sip.send(m.Refer(call=call, **order))  # type: ignore[arg-type]  # a test names its fields itself
    assert stages(sip, "refused")[0][1] == 500


def test_a_consult_call_that_is_over_is_no_target(sip: SipProcessDouble, call: str) -> None:
    sip.send(m.Refer(call=call, replaces_call="c-gone"))
    assert stages(sip, "refused")[0][1:] == (481, "the consult call is over")


def test_an_attended_transfer_names_the_consult_dialog(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    with Phone(sip.port) as target:
        sip.send(
            m.PlaceCall(call="c-consult", uri=f"sip:7@127.0.0.1:{target.port}", rtp_port=30_010, vouched=True)
        )
        invite = target.receive()
        kind = "Content-Type: application/sdp\r\n"
        contact = f"Contact: <sip:desk@127.0.0.1:{target.port}>\r\n"
        target.send(ok_to(invite, headers=contact + kind, body=OFFER))
        assert target.receive().method == "ACK"
        sip.expect(m.CallConfirmed)
        sip.send(m.Refer(call=call, replaces_call="c-consult"))
        refer = phone.receive()
        ours = invite.first("From").partition(";tag=")[2]
        replaces = f"{invite.first('Call-ID')};to-tag=phone;from-tag={ours}"
        escaped = replaces.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
        assert refer.first("Refer-To") == f"<sip:desk@127.0.0.1:{target.port}?Replaces={escaped}>"
        phone.send(ok_to(refer, status="603 Decline"))
        stages(sip, "refused")
        sip.send(m.HangUp(call="c-consult"))
        target.send(ok_to(target.receive()))
        sip.expect(m.CallEnded)


def test_an_invite_that_would_replace_a_call_is_refused(
    sip: SipProcessDouble, phone: Phone, call: str
) -> None:
    before = sip.counters().get("refused:replaces", 0)
    with Phone(sip.port) as thief:
        replaces = f"Replaces: {phone.call_id};to-tag={phone.to_tag};from-tag=from\r\n"
        thief.send(thief.request("INVITE", OFFER, headers=replaces))
        assert status_of(thief.final("INVITE")) == 603
        thief.send(thief.request("ACK"))
    sip.expect_counter("refused:replaces", before + 1)
    assert not [one for one in sip.inbox if isinstance(one, m.IncomingCall) and one.call != call]
    sip.expect_gauge("calls", 1)
