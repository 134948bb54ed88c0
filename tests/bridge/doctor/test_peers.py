"""OPTIONS to peers that are there, silent, gone, or behind something that meddles."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any, Self

import pytest

from talkpath.bridge.config.model import Config
from talkpath.bridge.doctor import peers
from talkpath.bridge.doctor.peers import Way, examine_peers, ways
from tests.bridge.doctor.test_certificates import make
from tests.harness.peers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def configuration(**trunk: Any) -> Config:
    return Config.model_validate({"agents": {"a": {}}, "trunks": [{"name": "pbx", **trunk}]})


def at(uri: str) -> Config:
    return configuration(register=uri, username="u")


class Pbx:
    """Answers each OPTIONS over UDP; `change` makes the answer another."""

    def __init__(self, change: Callable[[str], str] = lambda text: text, deaf_to: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.05)
        self.requests: list[str] = []
        self._change, self._deaf_to = change, deaf_to
        self._running = True
        self._thread = threading.Thread(target=self._run)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()
        self.socket.close()

    def _run(self) -> None:
        while self._running:
            try:
                datagram, source = self.socket.recvfrom(65_536)
            except TimeoutError:
                continue
            self.requests.append(datagram.decode())
            if len(self.requests) > self._deaf_to:
                self.socket.sendto(self._change(answer(datagram.decode())).encode(), source)


def answer(request: str) -> str:
    kept = [
        line for line in request.split("\r\n") if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))
    ]
    return "\r\n".join(["SIP/2.0 401 Unauthorized", *kept, "Content-Length: 0", "", ""])


def levels(config: Config) -> list[str]:
    return [finding.level for finding in examine_peers(config)]


def test_registrars_proxies_and_single_addresses_are_ways_and_networks_are_not() -> None:
    both = configuration(
        register="sips:pbx.example.com",
        username="u",
        backup_registrars=["sip:pbx2.example.com:5070;transport=tcp"],
        outbound_proxy="sip:[2001:db8::1]:5080",
    )
    assert ways(both) == [
        Way("pbx", "pbx.example.com", 5061, "tls"),
        Way("pbx", "pbx2.example.com", 5070, "tcp"),
        Way("pbx", "2001:db8::1", 5080, "udp"),
    ]
    assert ways(configuration(match=["192.0.2.10", "198.51.100.0/24"])) == [
        Way("pbx", "192.0.2.10", 5060, "udp")
    ]


def test_any_answer_is_a_sign_of_life_and_told_with_its_time() -> None:
    with Pbx() as pbx:
        (found,) = examine_peers(at(f"sip:127.0.0.1:{pbx.port}"))
    assert found.level == "ok"
    assert "answers OPTIONS with 401 in" in found.message


def test_a_lost_request_is_sent_again() -> None:
    with Pbx(deaf_to=1) as pbx:
        (found,) = examine_peers(at(f"sip:127.0.0.1:{pbx.port}"))
        assert "answers OPTIONS" in found.message
        assert pbx.requests[0] == pbx.requests[1]


def test_silence_is_a_warning_and_a_shut_port_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PATIENCE", 0.2)
    monkeypatch.setattr(peers, "RESEND_AFTER", (0.1,))
    with Pbx(deaf_to=99) as pbx:
        assert levels(at(f"sip:127.0.0.1:{pbx.port}")) == ["warn"]
    nobody = free_port()
    assert levels(at(f"sip:127.0.0.1:{nobody};transport=tcp")) == ["fail"]
    assert levels(at(f"sip:127.0.0.1:{nobody}")) == ["fail"]


def test_what_is_no_answer_to_us_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PATIENCE", 0.2)
    monkeypatch.setattr(peers, "RESEND_AFTER", ())
    for change in (lambda _: "\x00\xff", lambda text: text.replace("branch=", "branch=x")):
        with Pbx(change) as pbx:
            assert levels(at(f"sip:127.0.0.1:{pbx.port}")) == ["warn"]


def test_a_via_that_came_back_rewritten_is_called_a_sip_alg() -> None:
    with Pbx(lambda text: text.replace("UDP 127.0.0.1:", "UDP 203.0.113.9:")) as pbx:
        _, found = examine_peers(at(f"sip:127.0.0.1:{pbx.port}"))
    assert found.level == "warn"
    assert "a SIP ALG" in found.message


def test_another_address_seen_by_the_pbx_is_called_a_nat_and_named_for_the_configuration() -> None:
    with Pbx(lambda text: text.replace(";rport", ";rport=4711;received=203.0.113.9")) as pbx:
        _, found = examine_peers(at(f"sip:127.0.0.1:{pbx.port}"))
    assert found.level == "warn"
    assert 'advertised_address = "203.0.113.9"' in found.fix


@pytest.mark.parametrize("trusted", [True, False])
def test_over_tls_the_certificate_is_looked_at_first(tmp_path: Path, trusted: bool) -> None:
    certificate, key = make(tmp_path, "pbx")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as secure:
                secure.sendall(answer(secure.recv(65_536).decode()).encode())
        except (ssl.SSLError, OSError):  # the doctor does not trust us
            return

    thread = threading.Thread(target=serve)
    thread.start()
    config = at(f"sip:localhost:{listener.getsockname()[1]};transport=tls")
    tls = {"ca": certificate} if trusted else {}
    config = Config.model_validate(
        {**config.model_dump(by_alias=True, exclude_unset=True), "sip": {"tls": tls}}
    )
    found = examine_peers(config)
    thread.join()
    listener.close()
    assert found[0].level == "fail"
    words = "Hostname mismatch" if trusted else "not trusted"
    assert words in found[0].message
