"""Tell systemd how the service is (sd_notify, Type=notify): ready, alive, stopping, and one line of state.

The protocol is a datagram of ``KEY=VALUE`` lines to the Unix socket that ``NOTIFY_SOCKET`` names; see
sd_notify(3). Without that variable nothing is sent: the daemon runs the same under any other supervisor.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from talkpath.bridge.http.health import DaemonSnapshot


class Notifier:
    """Sends the state of the service; whatever goes wrong with that does not concern the calls.

    Args:
        environment: where ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` stand.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._status = ""
        self.watchdog = watchdog_seconds(environment)
        """Seconds within which systemd wants a sign of life; None: it does not watch."""

    def ready(self) -> None:
        """The service takes calls."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The service reads its configuration again; `ready` says that it has (Type=notify-reload)."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service is about to end: no new calls, live ones may finish."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """A sign of life, when it is wanted."""
        if self.watchdog is not None:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(), self._address)


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """The patience of systemd's watchdog (sd_watchdog_enabled(3)); None: none, or for another process."""
    given = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(given) / 1e6 if given.isdecimal() and int(given) else None


def status_line(state: DaemonSnapshot, problems: list[str]) -> str:
    """The state of the daemon as one line, problems first."""
    calls = "1 call" if state.calls == 1 else f"{state.calls} calls"
    return " ".join([*problems, f"{calls}, {state.free_lanes} free lanes."])
