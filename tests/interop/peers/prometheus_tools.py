"""Prometheus and promtool from the machine's Debian archive, unpacked beside the other peers."""

import subprocess
from pathlib import Path

from deploy.steps import Steps, cache_root
from tests.interop.peers.debian_package import unpack

_PACKAGE = "prometheus"
_WANTED = ("prometheus", "promtool")


def prometheus_folder() -> Path:
    """Return the folder that holds the two programs, existing or not."""
    return cache_root() / "prometheus"


def unpack_prometheus(steps: Steps) -> None:
    """Fetch the package and keep its two programs; quick when they are there.

    Raises:
        StepError: A command failed; nothing half-made is left.
    """
    folder = prometheus_folder()
    if all((folder / name).exists() for name in _WANTED):
        return
    steps.say("fetching Prometheus")
    unpack(steps, _PACKAGE, folder, _keep)


def _keep(root: Path, made: Path) -> None:
    for name in _WANTED:
        (root / "usr/bin" / name).rename(made / name)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    command = [prometheus_folder() / "promtool", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
