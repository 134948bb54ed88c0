"""Programs out of one package of the machine's Debian archive, unpacked into the cache and not installed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.steps import Steps


def unpack(steps: Steps, package: str, folder: Path, keep: Callable[[Path, Path], None]) -> None:
    """Fetch a package and keep of it what is wanted, in place of what the folder held.

    Args:
        steps: Runs the commands.
        package: Its name.
        folder: Where its parts are to be.
        keep: Moves what is wanted from the unpacked package to the folder in the making.

    Raises:
        StepError: A command failed; nothing half-made is left.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        # The download is written by apt's own user where it may; the folder is that of root.
        steps.run(["apt-get", "download", "-o", "APT::Sandbox::User=root", package], cwd=work)
        [archive] = work.glob("*.deb")
        steps.run(["dpkg-deb", "--extract", archive, work / "root"])
        made = work / "made"
        made.mkdir()
        keep(work / "root", made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
