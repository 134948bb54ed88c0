"""Waiting for SIP and for the supervisor at the same time.

The stack waits on its own sockets inside ``libHandleEvents`` and cannot be woken from outside. Where it
uses epoll, its epoll descriptor can itself be waited on, beside the supervisor's socket: then both wake the
loop at once, and an idle process sleeps until the stack's next timer. Where it uses select (the wheel from
PyPI), only the supervisor wakes the loop, and the stack is looked at every `SLICE_SECONDS`.
"""

from __future__ import annotations

import select
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.link import Link

LONGEST_SECONDS = 0.25
"""Longest sleep: how late what our own loop does by time may be."""

SLICE_SECONDS = 0.003
"""Longest sleep when the stack's sockets cannot wake us."""

_DESCRIPTORS = Path("/proc/self/fd")


class Waiter:
    """Waits for the supervisor's socket and, if it can be found, the stack's epoll descriptor.

    Args:
        link: Channel to the supervisor.
        until_timer: Given the longest wait, seconds until the stack's next timer.
    """

    def __init__(self, link: Link, until_timer: Callable[[float], float]) -> None:
        self._link = link
        self._until_timer = until_timer
        self._stack = find_epoll_descriptors()
        self._poll = select.poll()
        for descriptor in self._stack:
            self._poll.register(descriptor, select.POLLIN)

    def wait(self) -> None:
        """Wait until there is something to do."""
        patience = self._until_timer(LONGEST_SECONDS) if self._stack else SLICE_SECONDS
        if self._link.open:
            events = select.POLLIN | (select.POLLOUT if self._link.waits_to_write else 0)
            self._poll.register(self._link, events)
            self._poll.poll(patience * 1000)
            self._poll.unregister(self._link)
        else:
            self._poll.poll(patience * 1000)


def find_epoll_descriptors() -> list[int]:
    """Epoll descriptors of this process. In the SIP process they are all the stack's."""
    found = []
    for entry in _DESCRIPTORS.iterdir() if _DESCRIPTORS.is_dir() else ():
        try:
            if entry.readlink().name == "anon_inode:[eventpoll]":
                found.append(int(entry.name))
        except OSError:  # closed in the meantime: the descriptor of the listing itself
            continue
    return found
