"""Which addresses of this machine a browser is told (ICE host candidates)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aioice import ice

if TYPE_CHECKING:
    from collections.abc import Sequence


def name_only(addresses: Sequence[str]) -> None:
    """Name these IP addresses to browsers, in this process, and no others; none: all but the loopback ones.

    aioice asks a function of its own for the addresses, and has no setting for them.
    """
    if addresses:
        chosen = list(addresses)

        def named(use_ipv4: bool, use_ipv6: bool) -> list[str]:
            return [one for one in chosen if (use_ipv6 if ":" in one else use_ipv4)]

        ice.get_host_addresses = named
