from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.config.model import Config
from talkpath.bridge.doctor.registrations import examine_registrations, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUNK = {"name": "pbx", "register": "sip:pbx.example", "username": "u"}


@pytest.mark.parametrize(
    ("known", "level", "words"),
    [
        ({"pbx": {"registered": True, "status": 200}}, "ok", "registered"),
        ({"pbx": {"registered": False, "status": 403, "reason": "Forbidden"}}, "fail", "403 Forbidden"),
        ({"pbx": {"registered": False}}, "fail", "not registered yet"),
        ({}, "fail", "not registered yet"),
        ("rubbish", "fail", "not registered yet"),
        ({"pbx": ["rubbish"]}, "fail", "not registered yet"),
    ],
)
def test_what_the_daemon_says_of_a_trunk(known: Any, level: str, words: str) -> None:
    (finding,) = judge(["pbx"], {"registrations": known})
    assert finding.level == level
    assert words in finding.message
    assert bool(finding.fix) == (level == "fail")


@pytest.fixture
def daemon() -> Iterator[tuple[int, list[tuple[int, bytes]]]]:
    """A web server that answers with what the test puts into its list."""
    answers: list[tuple[int, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.pop()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1], answers
        server.shutdown()
        thread.join()


def config(port: int, **changes: Any) -> Config:
    return Config.model_validate({"trunks": [TRUNK], "http": {"listen": f"127.0.0.1:{port}"}, **changes})


@pytest.mark.parametrize(
    ("status", "body", "level"),
    [
        (200, b'{"registrations": {"pbx": {"registered": true}}}', "ok"),
        (503, b'{"registrations": {"pbx": {"registered": false, "status": 408}}}', "fail"),
        (200, b"not json", "warn"),
        (200, b"[]", "warn"),
    ],
)
def test_the_running_daemon_is_asked(
    daemon: tuple[int, list[tuple[int, bytes]]], status: int, body: bytes, level: str
) -> None:
    port, answers = daemon
    answers.append((status, body))
    assert [finding.level for finding in examine_registrations(config(port))] == [level]


def test_without_a_daemon_nothing_is_known_and_without_registrations_nothing_asked() -> None:
    (finding,) = examine_registrations(config(9))
    assert (finding.level, "not running" in finding.message) == ("warn", True)
    (finding,) = examine_registrations(config(9, http={"enabled": False}))
    assert "[http] is off" in finding.message
    assert examine_registrations(config(9, trunks=[])) == []
