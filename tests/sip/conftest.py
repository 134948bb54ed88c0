from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.sip.phone import OFFER, Phone, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sip.double import SipProcessDouble


@pytest.fixture
def sip(shared: SipProcessDouble) -> SipProcessDouble:
    """The module's SIP process, with empty memory."""
    shared.inbox.clear()
    shared.history.clear()
    return shared


@pytest.fixture
def phone(sip: SipProcessDouble) -> Iterator[Phone]:
    """A telephone that speaks raw SIP with the module's SIP process."""
    with Phone(sip.port) as made:
        yield made


@pytest.fixture
def call(sip: SipProcessDouble, phone: Phone) -> Iterator[str]:
    """An answered call; hung up by the caller at the end."""
    sip.inbox.clear()
    phone.send(phone.request("INVITE", OFFER))
    call = sip.expect(m.IncomingCall).call
    sip.send(m.Answer(call=call, rtp_port=20_000))
    assert status_of(phone.final("INVITE")) == 200
    phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
    sip.expect(m.CallConfirmed)
    sip.expect(m.MediaUpdated)
    yield call
    phone.send(phone.request("BYE", cseq=90, branch=f"{phone.branch}bye"))
    assert status_of(phone.final("BYE")) == 200
    sip.expect(m.CallEnded)


@pytest.fixture
def certificate(tmp_path: Path) -> m.TlsSettings:
    """A self-signed certificate for 127.0.0.1."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return m.TlsSettings(certificate_file=str(certificate), private_key_file=str(key))
