"""What a daemon holds: memory, descriptors, sockets, threads, by process; and whether it came back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MEMORY_ALLOWANCE: Final = 6 * 2**20
"""Bytes that a process may grow under a steady load, whatever the time: pools and caches fill slowly."""
MEMORY_PER_HOUR: Final = 4 * 2**20
"""And this much more per hour, which is noise beside a leak of 100 bytes a packet: 3.4 GB at 200 calls."""
JOURNAL_PER_CALL_MINUTE: Final = 6 * 2**10
"""And this much for each minute of a call whose record is kept: words and steps wait for its end. They are
bounded, but by more than an hour of talk; seen: 4 kilobytes a minute, and none without records."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds.

    Attributes:
        memory: Resident bytes.
        descriptors: Open file descriptors.
        udp: UDP sockets.
        tcp: TCP sockets, whatever their state.
        threads: Threads.
    """

    memory: int
    descriptors: int
    udp: int
    tcp: int
    threads: int


def look(pids: Mapping[str, int]) -> dict[str, Held]:
    """Look at processes; those that are gone are left out."""
    found = {}
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            kinds = [each.type.name for each in process.net_connections("inet")]
            found[name] = Held(
                memory=process.memory_info().rss,
                descriptors=process.num_fds(),
                udp=kinds.count("SOCK_DGRAM"),
                tcp=kinds.count("SOCK_STREAM"),
                threads=process.num_threads(),
            )
    return found


def unread(pid: int) -> int:
    """Datagrams that the kernel dropped because a process did not read its UDP sockets in time."""
    own = {each.laddr.port for each in psutil.Process(pid).net_connections("udp4")}
    dropped = 0
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) in own:
            dropped += int(fields[-1])
    return dropped


def kept(before: Mapping[str, Held], after: Mapping[str, Held]) -> Iterator[str]:
    """Say what is still held after the load that was not held before it, memory aside."""
    for name, was in before.items():
        held = after.get(name)
        if held is None:
            yield f"{name} is gone"
            continue
        for what in ("descriptors", "udp", "tcp", "threads"):
            if getattr(held, what) > getattr(was, what):
                yield f"{name} holds {getattr(held, what)} {what}, {getattr(was, what)} before the calls"


def grown(minutes: Sequence[Mapping[str, Held]], recorded: int = 0) -> Iterator[str]:
    """Say whose memory grew under a steady load, from the first full minute to the last.

    Args:
        minutes: What was held after each.
        recorded: Calls that lived all the time and whose records are kept.
    """
    if len(minutes) < 2:
        return
    first, last = minutes[0], minutes[-1]
    passed = len(minutes) - 1
    allowed = MEMORY_ALLOWANCE + (MEMORY_PER_HOUR / 60 + JOURNAL_PER_CALL_MINUTE * recorded) * passed
    for name in first.keys() & last.keys():
        growth = last[name].memory - first[name].memory
        if growth > allowed:
            yield f"{name} grew by {growth / 2**20:.1f} MB in {passed} minutes of the same load"
