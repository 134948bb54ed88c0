"""Trunks that change while a real SIP process runs: registrations, admission, limits, and a live call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from talkpath.sip import messages as m
from talkpath.sip import parts
from tests.sip.double import running, settings
from tests.sip.phone import OFFER, Phone, status_of
from tests.sip.registrar import OK, Registrar

if TYPE_CHECKING:
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


def trunk(registrar: str = "", **changes: object) -> m.TrunkSettings:
    values: dict[str, object] = {"name": "pbx", "registrar": registrar, "username": "bridge", **changes}
    return m.TrunkSettings(**values)  # type: ignore[arg-type]  # a test names its fields itself


LOCAL = trunk(name="local", source_networks=("127.0.0.0/8",))


def change(sip: SipProcessDouble, now: m.SipSettings, **changes: object) -> m.SipSettings:
    """Send other settings and wait until they are in use."""
    wanted = msgspec.structs.replace(now, **changes)
    for datagram in parts.datagrams(wanted):
        sip.channel.send(datagram)
    assert sip.expect(m.SettingsReady).problem == ""
    return wanted


def call_status(sip: SipProcessDouble) -> int:
    """What a new call from 127.0.0.1 hears; a worker that is asked says 486."""
    with Phone(sip.port) as phone:
        sip.on_message = lambda message: (
            sip.send(m.Reject(call=message.call, status=486, reason="busy"))
            if isinstance(message, m.IncomingCall)
            else None
        )
        phone.send(phone.request("INVITE", OFFER))
        phone.socket.settimeout(0.05)
        while True:
            sip.pump(0)
            try:
                answer = phone.receive()
            except TimeoutError:
                continue
            if status_of(answer) >= 200:
                phone.send(phone.request("ACK"))
                sip.on_message = None
                return status_of(answer)


def registered(sip: SipProcessDouble) -> m.RegistrationState:
    return sip.expect(m.RegistrationState, lambda state: state.registered)


def test_a_trunk_that_is_added_registers_and_one_that_is_gone_takes_it_back() -> None:
    with Registrar(OK) as registrar, running(now := settings(trunks=(LOCAL,))) as sip:
        both = change(sip, now, trunks=(LOCAL, trunk(registrar.uri)))
        registered(sip)
        change(sip, both, trunks=(LOCAL,))
        sip.run_until(lambda: len(registrar.requests) == 2)
        assert registrar.requests[-1].first("Expires") == "0"
        sip.expect_gauge("registrations", 0)


def test_another_user_registers_while_the_one_before_leaves() -> None:
    with Registrar(OK) as registrar, running(now := settings(trunks=(trunk(registrar.uri),))) as sip:
        registered(sip)
        change(sip, now, trunks=(trunk(registrar.uri, username="second"),))
        registered(sip)
        sip.run_until(lambda: len(registrar.requests) == 3)
        said = {(request.first("To"), request.first("Expires") == "0") for request in registrar.requests[1:]}
        assert {("bridge" in to, leaves) for to, leaves in said} == {(True, True), (False, False)}
        assert not [state for state in sip.seen(m.RegistrationState) if not state.registered]


def test_another_interval_or_password_registers_again_in_place() -> None:
    with Registrar(OK) as registrar, running(now := settings(trunks=(trunk(registrar.uri),))) as sip:
        registered(sip)
        change(sip, now, trunks=(trunk(registrar.uri, register_interval=120, password=m.Secret("new")),))
        registered(sip)
        assert [request.first("Expires") for request in registrar.requests] == ["300", "120"]


def test_settings_that_stay_the_same_send_nothing() -> None:
    with Registrar(OK) as registrar, running(now := settings(trunks=(trunk(registrar.uri),))) as sip:
        registered(sip)
        change(sip, now)
        change(sip, now, trunks=(trunk(registrar.uri, max_calls=3),))
        assert len(registrar.requests) == 1


def test_new_calls_are_admitted_by_the_new_settings() -> None:
    elsewhere = trunk(name="elsewhere", source_networks=("192.0.2.0/24",))
    with running(now := settings(trunks=(LOCAL,))) as sip:
        assert call_status(sip) == 486
        change(sip, now, trunks=(elsewhere,))
        assert call_status(sip) == 403
        change(sip, now, max_calls=0)
        assert call_status(sip) == 503
        change(sip, now)
        assert call_status(sip) == 486


def test_a_live_call_outlives_its_trunk_and_its_account_goes_with_it() -> None:
    with Registrar(OK) as registrar:
        old = trunk(registrar.uri, source_networks=("127.0.0.0/8",))
        with running(now := settings(trunks=(old,))) as sip, Phone(sip.port) as phone:
            registered(sip)
            phone.send(phone.request("INVITE", OFFER))
            call = sip.expect(m.IncomingCall).call
            sip.send(m.Answer(call=call, rtp_port=20_000))
            assert status_of(phone.final("INVITE")) == 200
            phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
            sip.expect(m.CallConfirmed)
            change(sip, now, trunks=())
            sip.run_until(lambda: len(registrar.requests) == 2)
            sip.expect_gauge("calls", 1)
            phone.send(phone.request("INVITE", OFFER, cseq=2, branch=f"{phone.branch}r"))
            assert status_of(phone.final("INVITE")) == 200, "the dialog still negotiates"
            phone.send(phone.request("ACK", cseq=2, branch=f"{phone.branch}ra"))
            phone.send(phone.request("BYE", cseq=3, branch=f"{phone.branch}b"))
            assert status_of(phone.final("BYE")) == 200
            sip.expect(m.CallEnded)


def test_a_trunk_lives_on_whatever_becomes_of_the_one_that_had_its_place_in_the_stack() -> None:
    with running(now := settings(trunks=(LOCAL,), calls_per_second_per_source=10_000.0)) as sip:
        assert call_status(sip) == 486, "its dialog knew the account, and is garbage now"
        now = change(sip, now, trunks=())
        sip.inbox.clear()
        sip.expect_gauge("calls", 0)  # told once a second; the account is closed by then
        change(sip, now, trunks=(msgspec.structs.replace(LOCAL, name="another"),))
        assert {call_status(sip) for _ in range(200)} == {486}


def test_settings_of_any_size_arrive() -> None:
    networks = [f"10.{number % 250}.{number // 250}.0/24" for number in range(12_000)]
    large = trunk(name="large", source_networks=(*networks, "127.0.0.0/8"))
    with running(now := settings(trunks=(LOCAL,))) as sip:
        assert len(m.encode(msgspec.structs.replace(now, trunks=(large,)))) > m.MAX_MESSAGE
        change(sip, now, trunks=(large,))
        assert call_status(sip) == 486


def test_a_network_that_is_none_is_refused_and_all_stays_as_it_was() -> None:
    with running(now := settings(trunks=(LOCAL,))) as sip:
        sip.send(msgspec.structs.replace(now, trunks=(trunk(source_networks=("somewhere",)),)))
        assert "somewhere" in sip.expect(m.SettingsReady).problem
        assert call_status(sip) == 486
