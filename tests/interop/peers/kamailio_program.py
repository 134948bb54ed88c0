"""Kamailio from the machine's Debian archive, unpacked beside the other peers."""

import shutil
import tempfile
from pathlib import Path

from deploy.steps import Steps, cache_root

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
    folder.parent.mkdir(parents=True, exist_ok=True)
    steps.say("fetching Kamailio")
    work = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        # The download is written by apt's own user where it may; the folder is that of root.
        steps.run(["apt-get", "download", "-o", "APT::Sandbox::User=root", _PACKAGE], cwd=work)
        [package] = work.glob("*.deb")
        steps.run(["dpkg-deb", "--extract", package, work / "root"])
        [library] = (work / "root/usr/lib").glob("*/kamailio")
        made = work / "made"
        made.mkdir()
        (work / "root/usr/sbin").rename(made / "sbin")
        library.rename(made / "lib")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
