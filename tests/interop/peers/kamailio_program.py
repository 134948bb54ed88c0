"""Kamailio from the machine's Debian archive, unpacked beside the other peers."""

from pathlib import Path

from deploy.steps import Steps, cache_root
from tests.interop.peers.debian_package import unpack

_PACKAGE = "kamailio"


def kamailio_folder() -> Path:
    """Return the folder with the program (`sbin`), its modules and libraries (`lib`), existing or not."""
    return cache_root() / "kamailio"


def unpack_kamailio(steps: Steps) -> None:
    """Fetch the package and keep program, modules and libraries; quick when they are there.

    Raises:
        StepError: A command failed; nothing half-made is left.
    """
    folder = kamailio_folder()
    if (folder / "sbin/kamailio").exists():
        return
    steps.say("fetching Kamailio")
    unpack(steps, _PACKAGE, folder, _keep)


def _keep(root: Path, made: Path) -> None:
    [library] = (root / "usr/lib").glob("*/kamailio")
    (root / "usr/sbin").rename(made / "sbin")
    library.rename(made / "lib")
