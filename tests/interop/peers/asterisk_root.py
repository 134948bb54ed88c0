"""A minimal Debian with Asterisk in it, kept outside the tree.

Debian 12 has no Asterisk, so it comes from Debian sid, in a root folder of its own. A change of this file
makes a new root, so it holds nothing else.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.debian import Archive
from deploy.steps import Steps, cache_root

_SUITE = "sid"
_UNUSED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists")


def asterisk_root() -> Path:
    """Return the folder of the root that this version of the recipe makes, existing or not."""
    made_of = hashlib.sha256(_SUITE.encode() + Path(__file__).read_bytes())
    return cache_root() / "asterisk-root" / made_of.hexdigest()[:16]


def make_root(root: Path, archive: Archive, steps: Steps) -> None:
    """Make the root beside its place and move it there when it is whole.

    Args:
        root: Where it ends; what stood there before is replaced.
        archive: The Debian mirror to take it from.
        steps: Runs the commands and shows progress.

    Raises:
        StepError: A command failed; nothing half-made is left.
    """
    work = Path(tempfile.mkdtemp(prefix="making-", dir=root.parent))
    try:
        steps.say(f"making a minimal Debian {_SUITE}")
        _debootstrap(work, archive, steps)
        steps.say("installing Asterisk in it")
        _install_asterisk(work, steps)
        for folder in _UNUSED:
            shutil.rmtree(work / folder, ignore_errors=True)
        work.chmod(0o755)
        shutil.rmtree(root, ignore_errors=True)
        work.rename(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _debootstrap(work: Path, archive: Archive, steps: Steps) -> None:
    keyring = [f"--keyring={archive.keyring}"] if archive.keyring else []
    # A mirror behind TLS is reached from inside too, with the certificates that the machine trusts.
    include = ["--include=ca-certificates"] if archive.uri.startswith("https:") else []
    steps.run(["debootstrap", "--variant=minbase", *keyring, *include, _SUITE, work, archive.uri])
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if include and certificates.exists():
        shutil.copyfile(certificates, work / "etc/ssl/certs/ca-certificates.crt")


def _install_asterisk(work: Path, steps: Steps) -> None:
    (work / "etc/apt/apt.conf.d/90machine").write_text(_machine_settings())
    (work / "etc/dpkg/dpkg.cfg.d/90fast").write_text("force-unsafe-io\n")
    no_services = work / "usr/sbin/policy-rc.d"
    no_services.write_text("#!/bin/sh\nexit 101\n")
    no_services.chmod(0o755)
    for name in ("etc/hosts", "etc/resolv.conf"):
        if Path("/", name).exists():
            shutil.copyfile(Path("/", name), work / name)
    inside: list[str | Path] = ["chroot", work, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"]
    steps.run([*inside, "apt-get", "update"])
    steps.run([*inside, "apt-get", "install", "--yes", "--no-install-recommends", "asterisk"])


def _machine_settings() -> str:
    """Return how this machine's apt reaches its archive (proxies, retries), as lines of an apt.conf."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    wanted = ("Acquire::http::", "Acquire::https::", "Acquire::Retries", "Acquire::Check", "Acquire::Lang")
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith(wanted))
