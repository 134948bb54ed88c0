"""Try the package in a minimal Debian: `python -m deploy.verify.package FOLDER FILE.deb` as root.

Installs it, asks its commands, lets systemd read the unit, starts the daemon as its user until the health
check of the image succeeds, installs it again over a changed configuration, removes it and purges it. What
this does not prove: that systemd starts and stops it, because none runs in a folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from deploy.steps import StepError, Steps
from deploy.verify.dockerfile import parse
from deploy.verify.image import CONFIG, FILE, Root, mounted, try_out

SUITE: Final = "debian:bookworm-slim"
APT: Final = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends"
CONFIGURATION: Final = Path("etc/talkpath/talkpath.toml")


def verify(folder: Path, package: Path, steps: Steps) -> None:
    """Carry out all of it.

    Raises:
        StepError: something was not as it should be.
    """
    root = Root(folder / "root", steps)
    root.start(SUITE)
    shutil.copyfile(package, root.folder / "new.deb")
    with mounted(root, steps):
        root.perform("RUN", f"apt-get update && {APT} /new.deb", {})
        steps.run(root.command(["talkpath", "--version"]))
        root.environment["OPENAI_API_KEY"] = "none"
        steps.run(root.command(["talkpath", "check"]))
        steps.run(root.command(["systemd-analyze", "verify", "talkpath.service"]))
        _require(bool(_diagnosis(root)), "doctor found nothing to say")
    _be_the_service(root)
    try_out(root, parse(FILE.read_text(encoding="utf-8"))[-1], steps)
    root.user = "0"
    with mounted(root, steps):
        _take_away(root)
    left = sorted(str(path) for path in root.folder.rglob("*talkpath*"))
    _require(not left, f"a purge leaves {', '.join(left)}")


def _take_away(root: Root) -> None:
    """Install again, remove, purge."""
    root.perform("RUN", f"{APT} --reinstall /new.deb", {})
    _require((root.folder / CONFIGURATION).read_text() == CONFIG, "a changed configuration was lost")
    root.perform("RUN", "apt-get remove --yes talkpath", {})
    _require(not (root.folder / "opt/talkpath").exists(), "removal leaves something in /opt/talkpath")
    _require((root.folder / CONFIGURATION).exists(), "removal took the configuration")
    root.perform("RUN", "apt-get purge --yes talkpath", {})


def _be_the_service(root: Root) -> None:
    """Run what follows as the unit does: as its user, from its folder."""
    root.user = "talkpath"
    root.environment["PATH"] = f"/opt/talkpath/bin:{root.environment['PATH']}"
    state = root.folder / "var/lib/talkpath"
    state.mkdir()
    owner = (root.folder / CONFIGURATION).stat().st_gid
    shutil.chown(state, owner, owner)


def _diagnosis(root: Root) -> Any:
    """What the doctor says, as data."""
    done = subprocess.run(root.command(["talkpath", "doctor", "--json"]), capture_output=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise StepError(f"doctor --json is no JSON: {done.stdout + done.stderr!r}") from error


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise StepError(complaint)


def main() -> int:
    """Try FILE.deb in FOLDER."""
    parser = argparse.ArgumentParser(prog="python -m deploy.verify.package", description=main.__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("package", type=Path, metavar="FILE.deb")
    given = parser.parse_args()
    given.folder.mkdir(parents=True)
    steps = Steps("package", given.folder / "build.log")
    try:
        verify(given.folder, given.package, steps)
    except StepError as error:
        sys.stderr.write(f"package: {error}\n")
        return 1
    steps.say("installs, runs, keeps its configuration, and leaves nothing after a purge")
    return 0


if __name__ == "__main__":
    sys.exit(main())
