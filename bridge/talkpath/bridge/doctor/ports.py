"""Are the ports free, and may others take them from us?"""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from .findings import Finding

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.config.values import Listen, PortRange

AREA = "ports"
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
MOST_PORTS = 4000
"""RTP ports that are tried, spread over the range: enough to find what is taken, in well under a second."""


def examine_ports(config: Config) -> list[Finding]:
    """Try the listeners and the RTP ports, without keeping any."""
    findings = [_examine_listener(listen) for listen in config.sip.listen]
    findings.append(_examine_rtp(config.sip.rtp_ports))
    overlap = judge_overlap(config.sip.rtp_ports, ephemeral_ports())
    return [*findings, overlap] if overlap else findings


def _examine_listener(listen: Listen) -> Finding:
    problem = why_not_bindable(listen.host, listen.port, udp=listen.transport == "udp")
    if problem == errno.EADDRINUSE:
        text = f"{listen} is taken."
        fix = "Good if talkpath is running already. Otherwise: ss -lnup 'sport = :5060' tells by whom."
        return Finding(AREA, "warn", text, fix.replace("5060", str(listen.port)))
    if problem == errno.EADDRNOTAVAIL:
        return Finding(
            AREA, "fail", f"{listen}: this machine has no such address.", "Correct listen in [sip]."
        )
    if problem:
        return Finding(AREA, "fail", f"{listen} cannot be opened: {errno.errorcode.get(problem)}.", "")
    return Finding(AREA, "ok", f"{listen} is free.")


def _examine_rtp(ports: PortRange) -> Finding:
    step = max(2, (ports.calls * 2 // MOST_PORTS) * 2)
    first_even = ports.first + ports.first % 2
    tried = range(first_even, ports.last, step)
    taken = [port for port in tried if why_not_bindable("0.0.0.0", port, udp=True)]  # noqa: S104 - closed again
    if not taken:
        return Finding(AREA, "ok", f"RTP ports {ports} are free: room for {ports.calls} calls.")
    text = f"{len(taken)} of {len(tried)} RTP ports tried in {ports} are taken, for example {taken[0]}."
    if len(taken) == len(tried):
        return Finding(AREA, "fail", text, "Choose another rtp_ports range in [sip].")
    return Finding(
        AREA, "warn", text, "Taken ports are passed over. With talkpath running, those are its calls."
    )


def why_not_bindable(host: str, port: int, *, udp: bool) -> int:
    """Try to bind a port; returns 0 or the ``errno`` of the refusal."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    try:
        with socket.socket(family, kind) as attempt:
            if not udp:
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((host, port))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def ephemeral_ports() -> tuple[int, int] | None:
    """Ports that the kernel gives to outgoing connections; None where it does not say."""
    try:
        first, last = EPHEMERAL.read_text(encoding="ascii").split()
        return int(first), int(last)
    except (OSError, ValueError):
        return None


def judge_overlap(ports: PortRange, ephemeral: tuple[int, int] | None) -> Finding | None:
    """Warn when outgoing connections of other programs may sit on our RTP ports."""
    if ephemeral is None or ports.last < ephemeral[0] or ports.first > ephemeral[1]:
        return None
    text = f"RTP ports {ports} overlap those of outgoing connections ({ephemeral[0]}-{ephemeral[1]})."
    return Finding(AREA, "warn", text, 'Choose a range below, for example rtp_ports = "20000-29999".')
