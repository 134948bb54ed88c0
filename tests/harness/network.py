"""Networks of our own for one test: Linux network namespaces, cables between them, and a NAT router.

Needs root, and the packages iproute2, nftables and conntrack (`make peers`). Everything bears the number of
this process in its name and is removed at the end; what a killed run left behind, at the next start.

    with Network() as network:
        caller, bridge = network.host("caller"), network.host("bridge")
        network.connect(caller, "10.77.0.2/24", bridge, "10.77.0.1/24")
        with bridge.inside():
            ...  # sockets, threads and child processes that are made here live in `bridge`
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from tests.harness.peers import PeerError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLONE_NEWNET = 0x40000000
_PREFIX = "talkpath"
_NAME = re.compile(rf"^{_PREFIX}-(\d+)-\S+")


def missing_tools() -> str:
    """Say what is missing for networks of our own; empty when nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft", "conntrack") if shutil.which(tool) is None]
    return f"{', '.join(missing)} not installed; install with: make peers" if missing else ""


class Host:
    """A network namespace.

    Args:
        name: Its name for the system.

    Attributes:
        name: The same.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Move this thread into the namespace; what it makes here stays here."""
        with Path("/proc/thread-self/ns/net").open("rb") as before:
            with Path("/run/netns", self.name).open("rb") as here:
                _enter(here.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def run(self, command: str, *, given: str = "") -> str:
        """Run a command inside, words parted by spaces; returns what it printed.

        Raises:
            PeerError: it failed.
        """
        return _run(["ip", "netns", "exec", self.name, *command.split()], given)

    def firewall(self, rules: str) -> None:
        """Replace all of its nftables rules, in the language of `nft -f`."""
        self.run("nft -f -", given=f"flush ruleset\n{rules}")

    def forget_connections(self) -> None:
        """Make its NAT forget every connection, as a restart does."""
        self.run("conntrack -F")


class Network:
    """Hosts and cables; use it with `with`."""

    def __init__(self) -> None:
        self._hosts: list[Host] = []

    def __enter__(self) -> Self:
        _remove_leftovers()
        return self

    def __exit__(self, *exc: object) -> None:
        for host in self._hosts:
            _run(["ip", "netns", "del", host.name])

    def host(self, name: str) -> Host:
        """Add a host with a loopback interface and nothing else."""
        host = Host(f"{_PREFIX}-{os.getpid()}-{name}")
        _run(["ip", "netns", "add", host.name])
        self._hosts.append(host)
        host.run("ip link set lo up")
        return host

    def router(self, name: str) -> Host:
        """Add a host that forwards."""
        host = self.host(name)
        host.run("sysctl -q -w net.ipv4.ip_forward=1")
        return host

    @staticmethod
    def connect(
        one: Host, address: str, other: Host, other_address: str, *, names: tuple[str, str] = ("near", "far")
    ) -> None:
        """Lay a cable between two hosts; addresses with their prefix length, names of the interfaces."""
        cable = f"ip link add name {names[0]} netns {one.name} type veth"
        _run([*cable.split(), "peer", "name", names[1], "netns", other.name])
        for host, interface, own in ((one, names[0], address), (other, names[1], other_address)):
            # Without waiting for the proof that nobody else has an IPv6 address.
            quick = " nodad" if ":" in own else ""
            host.run(f"ip address add {own} dev {interface}{quick}")
            host.run(f"ip link set dev {interface} up")


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise PeerError(f"cannot enter the network namespace: {os.strerror(number)}")


def _run(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def _remove_leftovers() -> None:
    for line in _run(["ip", "netns", "list"]).splitlines():
        match = _NAME.match(line)
        if match and not psutil.pid_exists(int(match[1])):
            _run(["ip", "netns", "del", match[0]])
