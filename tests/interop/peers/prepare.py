"""Prepare the peers of the interop tests: `python -m tests.interop.peers.prepare` in the root.

SIPp, baresip and the tools for networks with NAT are packages of the machine; Asterisk gets a root folder of
its own. Asterisk is started from that root with the root's own loader and libraries (see
tests/harness/asterisk.py): nothing is mounted, and nothing of it is installed on the machine. The same
holds for Prometheus, which watches a daemon in tests/interop/test_prometheus.py, and for Kamailio, a proxy in
front of one in tests/interop/test_kamailio.py.
"""

import argparse
import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.debian import find_archive, has_apt, is_root, require_packages
from deploy.steps import StepError, Steps
from tests.interop.peers.asterisk_root import asterisk_root, make_root
from tests.interop.peers.kamailio_program import unpack_kamailio
from tests.interop.peers.prometheus_tools import unpack_prometheus

_PACKAGES = (
    *("sip-tester", "baresip-core", "debootstrap", "debian-archive-keyring"),
    *("iproute2", "nftables", "conntrack"),  # for networks with NAT, tests/harness/network.py
    "postgresql",  # for call records, tests/harness/postgresql.py
    *("chromium", "fonts-dejavu-core"),  # for pages and the phone in them, tests/harness/chromium.py
)
_REFUSED = """\
the peers of the interop tests can be installed on Debian as root only
To run the other tests: make test INTEROP=0"""


def prepare(*, refresh: bool = False) -> None:
    """Install what is missing and make the Asterisk root; quick when all is there.

    Args:
        refresh: Make the root again, with the Asterisk of today.

    Raises:
        StepError: This is not Debian, or not root, or a command failed.
    """
    root = asterisk_root()
    steps = Steps("peers", root.parent / "build.log")
    if not has_apt():
        raise StepError(_REFUSED)
    require_packages(_PACKAGES, steps)
    with _only_one(root.parent):
        unpack_prometheus(steps)
        unpack_kamailio(steps)
        if root.exists() and not refresh:
            return
        if not is_root():
            raise StepError(_REFUSED)
        make_root(root, find_archive(steps), steps)
    steps.say(f"done: {root}")


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold a lock in the folder, so that two runs at once do not make the same root twice."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Install SIPp, baresip and the network tools, and make the Asterisk root."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.peers.prepare", description=main.__doc__)
    parser.add_argument("--refresh", action="store_true", help="make the Asterisk root again")
    try:
        prepare(refresh=parser.parse_args().refresh)
    except StepError as error:
        sys.stderr.write(f"peers: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
