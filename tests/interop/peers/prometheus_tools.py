"""Prometheus and promtool from the machine's Debian archive, unpacked beside the other peers."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.steps import Steps, cache_root

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
    folder.parent.mkdir(parents=True, exist_ok=True)
    steps.say("fetching Prometheus")
    work = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        # The download is written by apt's own user where it may; the folder is that of root.
        steps.run(["apt-get", "download", "-o", "APT::Sandbox::User=root", _PACKAGE], cwd=work)
        [package] = work.glob("*.deb")
        steps.run(["dpkg-deb", "--extract", package, work / "root"])
        made = work / "programs"
        made.mkdir()
        for name in _WANTED:
            (work / "root/usr/bin" / name).rename(made / name)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    command = [prometheus_folder() / "promtool", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
