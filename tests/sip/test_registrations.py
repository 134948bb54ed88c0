"""Registrations of one real SIP process at registrars that follow a script."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.peers import free_port
from tests.sip.double import running, settings
from tests.sip.nameserver import NameServer, address, service
from tests.sip.registrar import OK, Registrar, challenge

if TYPE_CHECKING:
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")

SECRET = "correct horse"  # noqa: S105 - of a registrar that the test plays


def trunk(*registrars: str, **changes: object) -> m.TrunkSettings:
    values: dict[str, object] = {
        "name": "pbx",
        "registrar": registrars[0],
        "backup_registrars": registrars[1:],
        "username": "bridge",
        "password": m.Secret(SECRET),
        **changes,
    }
    return m.TrunkSettings(**values)  # type: ignore[arg-type]  # a test names its fields itself


def registered(sip: SipProcessDouble) -> m.RegistrationState:
    return sip.expect(m.RegistrationState, lambda state: state.registered)


@pytest.mark.parametrize(
    ("script", "nonces"),
    [
        ([OK], [""]),
        ([challenge("n1"), OK], ["", "n1"]),
        ([challenge("n1", proxy=True), OK], ["", "n1"]),
        ([challenge("n1"), challenge("n2", stale=True), OK], ["", "n1", "n2"]),
        ([("423 Interval Too Brief", "Min-Expires: 1800\r\n"), OK], ["", ""]),
        ([("423 Interval Too Brief", "Min-Expires: 1800\r\n"), challenge("n1"), OK], ["", "", "n1"]),
    ],
)
def test_what_a_registrar_asks_for_is_given(script: list[tuple[str, str]], nonces: list[str]) -> None:
    with Registrar(*script) as registrar, running(settings(trunks=(trunk(registrar.uri),))) as sip:
        state = registered(sip)
        asked = [
            request.first("Authorization") + request.first("Proxy-Authorization")
            for request in registrar.requests
        ]
        assert [nonce in text for nonce, text in zip(nonces, asked, strict=True)] == [True] * len(nonces)
        assert state.expires_in > (1700 if "423" in script[0][0] else 200)
        assert SECRET not in "".join(asked)
        sip.end()
        assert registrar.requests[-1].first("Expires") == "0", "taken back at the end"


def test_a_registration_is_refreshed_before_it_ends() -> None:
    with Registrar(OK, expires=7) as registrar, running(settings(trunks=(trunk(registrar.uri),))) as sip:
        registered(sip)
        again = registered(sip)
        assert again.expires_in <= 7
        first, second = registrar.requests[:2]
        assert first.first("Call-ID") == second.first("Call-ID")
        assert int(second.first("CSeq").split()[0]) > int(first.first("CSeq").split()[0])


def test_the_next_registrar_is_asked_when_one_is_in_trouble_and_again_when_that_is() -> None:
    trouble = ("503 Service Unavailable", "")
    with (
        Registrar(OK, trouble, OK, expires=7) as first,
        Registrar(trouble, OK) as second,
        running(settings(trunks=(trunk(second.uri, first.uri),))) as sip,
    ):
        state = sip.expect(m.RegistrationState)
        assert (state.registered, state.status) == (False, 503)
        registered(sip)
        assert len(first.requests) == 1
        lost = sip.expect(m.RegistrationState, lambda state: not state.registered)
        assert lost.status == 503
        registered(sip)
        assert len(second.requests) == 2
        sip.expect_counter("registrar_changed", 2)
        sip.expect_gauge("registrations", 1)


def test_a_refused_registration_is_not_repeated_soon_nor_elsewhere() -> None:
    with (
        Registrar(("403 Forbidden", "")) as registrar,
        Registrar(OK) as other,
        running(settings(trunks=(trunk(registrar.uri, other.uri),))) as sip,
    ):
        assert sip.expect(m.RegistrationState).status == 403
        sip.run_until(lambda: len(sip.seen(m.SipStatistics)) >= 1)
        sip.pump(0.6)
        assert (len(registrar.requests), len(other.requests)) == (1, 0)


def test_a_registrar_that_is_not_there_is_passed_over() -> None:
    """A refused TCP connection fails at once; silence over UDP takes the 32 s of a transaction."""
    nobody = f"sip:127.0.0.1:{free_port()};transport=tcp"
    udp = m.Listener(transport="udp", host="127.0.0.1", port=free_port())
    tcp = m.Listener(transport="tcp", host="127.0.0.1", port=free_port())
    for listeners in ((udp, tcp), (udp,)):
        with Registrar(OK) as registrar:
            asked = settings(listeners=listeners, trunks=(trunk(nobody, registrar.uri),))
            with running(asked) as sip:
                state = sip.expect(m.RegistrationState)
                assert (state.registered, state.status) == (False, 503)
                registered(sip)


def test_the_registrar_of_a_domain_is_found_by_its_srv_records() -> None:
    host = str(IPv4Address("127.128.0.0") + os.getpid() % 2**23)  # of this process alone
    with Registrar(("503 Service Unavailable", "")) as second, Registrar(OK) as first:
        zone = {
            "_sip._udp.pbx.test": [
                service(20, second.port, "two.pbx.test"),
                service(10, first.port, "one.pbx.test"),
            ],
            "one.pbx.test": [address("127.0.0.1")],
            "two.pbx.test": [address("127.0.0.1")],
        }
        try:
            server = NameServer(host, zone)
        except PermissionError:
            pytest.skip("a name server needs port 53")
        asked = settings(trunks=(trunk("sip:pbx.test"),), nameservers=(host,))
        with server, running(asked) as sip:
            registered(sip)
            assert "_sip._udp.pbx.test 33" in server.asked
            assert first.requests[0].request_uri == "sip:pbx.test"
        assert not second.requests
