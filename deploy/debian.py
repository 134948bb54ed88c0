"""What a build needs to know of Debian: is apt here, which packages are missing, where is the archive."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.steps import StepError, Steps

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NoDebianError(StepError):
    """This machine has no apt, or its apt knows no Debian archive."""


@dataclass(frozen=True)
class Archive:
    """A Debian mirror.

    Attributes:
        uri: Its base address as the machine's own apt uses it.
        keyring: File with the archive's signing keys; None leaves the choice to apt's trusted keys.
    """

    uri: str
    keyring: Path | None


def has_apt() -> bool:
    """Tell whether apt and dpkg are here."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg-query") is not None


def is_root() -> bool:
    """Tell whether packages can be installed without asking anybody."""
    return os.geteuid() == 0


def missing_packages(names: Sequence[str]) -> list[str]:
    """Return the names that dpkg does not list as installed, in the order given."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in answer.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def require_packages(names: Sequence[str], steps: Steps) -> None:
    """Install the packages that are missing.

    Raises:
        StepError: Some are missing and this is not root; the sentence holds the command to run.
    """
    missing = missing_packages(names)
    if not missing:
        return
    if not is_root():
        raise StepError(f"packages are missing; install them with: sudo apt-get install {' '.join(missing)}")
    steps.say(f"installing {', '.join(missing)}")
    steps.run(["apt-get", "update"])
    steps.run(
        ["apt-get", "install", "--yes", "--no-install-recommends", *missing],
        env={"DEBIAN_FRONTEND": "noninteractive"},
    )


def find_archive(steps: Steps) -> Archive:
    """Return the Debian mirror that this machine's apt uses.

    Raises:
        NoDebianError: There is no apt, or none of its sources is Debian's main archive.
    """
    if not has_apt():
        raise NoDebianError("this machine has no apt")
    uri = _debian_uri()
    if uri is None and is_root():
        steps.run(["apt-get", "update"])  # the origin of a source is known once its index was fetched
        uri = _debian_uri()
    if uri is None:
        raise NoDebianError("apt on this machine knows no Debian archive (is this another distribution?)")
    return Archive(uri.rstrip("/"), KEYRING if KEYRING.exists() else None)


def _debian_uri() -> str | None:
    query = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    for line in answer.splitlines():
        origin, label, uri = line.split("|", 2)
        if (origin, label) == ("Debian", "Debian"):
            return uri
    return None
