"""What the processes can carry: each worker's share of the RTP ports, and the limits of the SIP stack."""

from __future__ import annotations

import re

from talkpath.bridge.config.values import PortRange


def port_share(ports: PortRange, workers: int, index: int) -> PortRange:
    """The part of the RTP ports that worker ``index`` of ``workers`` has for itself; even port first."""
    first_even = ports.first + ports.first % 2
    calls = ports.calls // workers
    first = first_even + index * calls * 2
    return PortRange(first, first + calls * 2 - 1)


def stack_warning(detail: str, wanted: int) -> str:
    """What is to be known about the SIP stack that told ``detail`` of itself; empty: nothing.

    Args:
        detail: As in ``Ready`` of the SIP process: "pjsua2 2.15.1, 4 calls, OpenSSL 1.0.2k".
        wanted: Calls at once that the configuration has room for.
    """
    found = re.search(r"(\d+) calls", detail)
    limits = []
    if found and int(found[1]) < wanted:
        limits.append(f"carries {found[1]} calls at once, the configuration has room for {wanted}")
    if "OpenSSL 1.0" in detail:
        limits.append("speaks TLS up to 1.2 only, with an OpenSSL that is no longer maintained")
    if not limits:
        return ""
    return f"This pjsua2 {' and '.join(limits)}. For production, build it: make pjsua2."
