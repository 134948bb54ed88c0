from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.daemon.systemd import Notifier, status_line, watchdog_seconds
from talkpath.bridge.http.health import DaemonSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Systemd:
    """The receiving end of sd_notify."""

    def __init__(self, address: str) -> None:
        self.name = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.settimeout(5)

    def heard(self) -> str:
        return self._socket.recv(1000).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@talkpath-test-{os.getpid()}"
    end = Systemd(address)
    yield end
    end.close()


def test_systemd_hears_the_life_of_the_service(systemd: Systemd) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "30000000"})
    notifier.ready()
    notifier.alive()
    notifier.status("2 calls, 498 free lanes.")
    notifier.status("2 calls, 498 free lanes.")  # nothing new, nothing said
    notifier.stopping()
    said = [systemd.heard() for _ in range(4)]
    assert said == ["READY=1", "WATCHDOG=1", "STATUS=2 calls, 498 free lanes.", "STOPPING=1"]


def test_no_sign_of_life_is_sent_to_a_systemd_that_does_not_watch(systemd: Systemd) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.name})
    notifier.alive()
    notifier.ready()
    assert systemd.heard() == "READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_somebody_who_listens_the_daemon_goes_on(environment: dict[str, str]) -> None:
    Notifier(environment).ready()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_patience_of_the_watchdog(environment: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environment) == seconds


def test_the_line_of_state_begins_with_what_is_wrong() -> None:
    state = DaemonSnapshot(version="1", uptime=1.0, processes=(), calls=1, free_lanes=9)
    assert status_line(state, ["Draining: no new calls."]) == "Draining: no new calls. 1 call, 9 free lanes."
