"""SIP over TLS, both ways: who is trusted, which name is asked for, certificates that are exchanged."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Self

import pytest

from talkpath.sip import messages as m
from tests.harness.peers import free_port
from tests.sip.authority import Authority, Certificate
from tests.sip.double import running, settings, start
from tests.sip.phone import PATIENCE, StreamPhone, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Certificate:
    return authority.sign("talkpath")


def tls(ours: Certificate, **changes: object) -> m.TlsSettings:
    values = {"certificate_file": str(ours.certificate), "private_key_file": str(ours.key), **changes}
    return m.TlsSettings(**values)  # type: ignore[arg-type]  # a test names its fields itself


@contextlib.contextmanager
def listening(files: m.TlsSettings) -> Iterator[SipProcessDouble]:
    port = free_port()
    listener = m.Listener(transport="tls", host="127.0.0.1", port=port)
    with running(settings(listeners=(listener,), tls=files)) as sip:
        yield sip


def client(authority: Authority, own: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.ca)
    if own:
        context.load_cert_chain(own.certificate, own.key)
    return context


def serial(sip: SipProcessDouble, authority: Authority) -> str:
    """The serial number of the certificate that a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", sip.port), PATIENCE) as plain,
        client(authority).wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        return str((secure.getpeercert() or {})["serialNumber"])


class Callee:
    """A TLS server that takes one connection and keeps what it is asked for."""

    def __init__(self, own: Certificate, *, wants: Path | None = None) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(own.certificate, own.key)
        self._context.sni_callback = self._named
        if wants:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(wants)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        self.port = int(self._socket.getsockname()[1])
        self.name = ""
        self.shown = ""
        self.request = ""
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._socket.close()

    def _named(self, _socket: ssl.SSLObject, name: str, _context: ssl.SSLContext) -> None:
        self.name = name or ""

    def _serve(self) -> None:
        plain, _ = self._socket.accept()
        plain.settimeout(PATIENCE)
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as secure:
            shown = secure.getpeercert() or {}
            self.shown = str(shown.get("subject", ""))
            self.request = secure.recv(65_536).decode()


def call(sip: SipProcessDouble, uri: str) -> None:
    sip.send(m.PlaceCall(call="c-tls", uri=uri, rtp_port=20_000, vouched=True, ring_timeout=2.0))


def test_a_call_over_tls_asks_for_the_name_and_is_taken(authority: Authority, ours: Certificate) -> None:
    files = tls(ours, ca_file=str(authority.ca))
    with listening(files) as sip, Callee(authority.sign("desk", "DNS:localhost")) as callee:
        call(sip, f"sip:7@localhost:{callee.port};transport=tls")
        sip.expect(m.CallEnded)
    assert callee.name == "localhost"
    assert callee.request.startswith("INVITE sip:7@localhost")


def test_a_sips_address_means_tls(authority: Authority, ours: Certificate) -> None:
    files = tls(ours, ca_file=str(authority.ca))
    with listening(files) as sip, Callee(authority.sign("desk2", "DNS:localhost")) as callee:
        call(sip, f"sips:7@localhost:{callee.port}")
        sip.expect(m.CallEnded)
    assert callee.request.startswith("INVITE sips:7@localhost")
    assert re.search(r"Contact: <sip:[^>]*;transport=TLS[;>]", callee.request), "not sips: so says pjsip"


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_server_that_cannot_be_trusted_hears_nothing(
    authority: Authority, ours: Certificate, tmp_path: Path, wrong: str
) -> None:
    signer = Authority(tmp_path / "stranger") if wrong == "authority" else authority
    names = "DNS:localhost" if wrong == "authority" else "DNS:other.example"
    files = tls(ours, ca_file=str(authority.ca))
    with listening(files) as sip, Callee(signer.sign("desk", names)) as callee:
        call(sip, f"sip:7@localhost:{callee.port};transport=tls")
        assert sip.expect(m.CallEnded).outcome is m.Outcome.UNREACHABLE
    assert callee.request == ""


def test_verification_can_be_switched_off(authority: Authority, ours: Certificate, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger").sign("desk", "DNS:other.example")
    files = tls(ours, ca_file=str(authority.ca), verify_server=False)
    with listening(files) as sip, Callee(stranger) as callee:
        call(sip, f"sip:7@localhost:{callee.port};transport=tls")
        sip.expect(m.CallEnded)
    assert callee.request.startswith("INVITE ")


def test_a_server_that_wants_a_certificate_is_shown_ours(authority: Authority, ours: Certificate) -> None:
    files = tls(ours, ca_file=str(authority.ca))
    with listening(files) as sip, Callee(authority.sign("strict"), wants=authority.ca) as callee:
        call(sip, f"sip:7@localhost:{callee.port};transport=tls")
        sip.expect(m.CallEnded)
    assert "talkpath" in callee.shown
    assert callee.request.startswith("INVITE ")


def test_callers_without_a_trusted_certificate_are_turned_away(
    authority: Authority, ours: Certificate, tmp_path: Path
) -> None:
    files = tls(ours, ca_file=str(authority.ca), verify_client=True)
    with listening(files) as sip:
        with StreamPhone(sip.port, client(authority, authority.sign("phone"))) as phone:
            phone.send(phone.request("OPTIONS"))
            assert status_of(phone.final("OPTIONS")) == 200
        stranger = Authority(tmp_path / "stranger").sign("phone")
        for own in (None, stranger):
            with pytest.raises(OSError, match=r"."):
                ping(sip, client(authority, own))


def ping(sip: SipProcessDouble, context: ssl.SSLContext) -> None:
    with StreamPhone(sip.port, context) as phone:
        phone.send(phone.request("OPTIONS"))
        phone.read()


def test_new_certificates_are_used_and_calls_go_on(
    authority: Authority, ours: Certificate, tmp_path: Path
) -> None:
    files = Certificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
    shutil.copyfile(ours.certificate, files.certificate)
    shutil.copyfile(ours.key, files.key)
    with listening(tls(files)) as sip, StreamPhone(sip.port, client(authority)) as before:
        first = serial(sip, authority)
        renewed = authority.sign("renewed")
        shutil.copyfile(renewed.key, files.key)
        shutil.copyfile(renewed.certificate, files.certificate)
        sip.run_until(lambda: serial(sip, authority) != first)
        before.send(before.request("OPTIONS"))
        assert status_of(before.final("OPTIONS")) == 200, "the connection of old"
        with StreamPhone(sip.port, client(authority)) as after:
            after.send(after.request("OPTIONS"))
            assert status_of(after.final("OPTIONS")) == 200


def test_other_paths_and_switches_are_used_from_a_reload_on(authority: Authority, ours: Certificate) -> None:
    with listening(tls(ours)) as sip, StreamPhone(sip.port, client(authority)) as before:
        first = serial(sip, authority)
        other = tls(authority.sign("other"), ca_file=str(authority.ca), verify_client=True)
        listener = m.Listener(transport="tls", host="127.0.0.1", port=sip.port)
        sip.send(settings(listeners=(listener,), tls=other))
        assert sip.expect(m.SettingsReady).problem == ""
        before.send(before.request("OPTIONS"))
        assert status_of(before.final("OPTIONS")) == 200, "the connection of old"
        with pytest.raises(OSError, match=r"."):
            ping(sip, client(authority))
        known = client(authority, authority.sign("phone"))
        with StreamPhone(sip.port, known) as after:
            after.send(after.request("OPTIONS"))
            assert status_of(after.final("OPTIONS")) == 200
            secure = after.socket
            assert isinstance(secure, ssl.SSLSocket)
            assert (secure.getpeercert() or {})["serialNumber"] != first


def test_new_certificates_that_cannot_be_used_are_left_alone(
    authority: Authority, ours: Certificate, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = Certificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
    shutil.copyfile(ours.certificate, files.certificate)
    shutil.copyfile(ours.key, files.key)
    said = ""

    def refused() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return "the new certificates are not used" in said

    with listening(tls(files)) as sip:
        first = serial(sip, authority)
        files.certificate.write_text("half a file")
        sip.run_until(refused)
        assert serial(sip, authority) == first


def test_a_listener_with_a_wrong_key_is_refused_at_the_start(authority: Authority, ours: Certificate) -> None:
    wrong = m.TlsSettings(
        certificate_file=str(ours.certificate), private_key_file=str(authority.sign("other").key)
    )
    listener = m.Listener(transport="tls", host="127.0.0.1", port=free_port())
    with start(settings(listeners=(listener,), tls=wrong), listener.port) as sip:
        problem = sip.expect(m.ListenFailed).problem
    assert "key values mismatch" in problem
    assert "[sip.tls]" in problem
