"""Where the source of pjproject comes from: Debian's archive, or a tarball that the caller names.

Debian's source package `asterisk` carries pjproject as a component tarball. apt fetches it from the machine's
own mirror and checks the signatures; what was fetched is kept, so that a machine stays on one version until
it is told to look again.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.debian import Archive, find_archive
from deploy.steps import StepError, Steps

_SUITE = "sid"
_PACKAGE = "asterisk"
_COMPONENT = "*.orig-Xpjproject.tar.xz"


@dataclass(frozen=True)
class Source:
    """A tarball of pjproject: `path`, and the SHA-256 of its content in hex."""

    path: Path
    sha256: str


def find_source(cache: Path, steps: Steps, *, refresh: bool) -> Source:
    """Return the tarball to build from.

    Args:
        cache: Folder that keeps what was fetched.
        steps: Where progress is shown.
        refresh: Ask the archive again even when a tarball is already here.

    Raises:
        StepError: The tarball that `PJPROJECT_TARBALL` names is not there, or the fetch failed.
    """
    named = os.environ.get("PJPROJECT_TARBALL")
    if named:
        if not Path(named).is_file():
            raise StepError(f"PJPROJECT_TARBALL names {named}, which is not a file")
        return Source(Path(named).resolve(), _sha256(Path(named)))
    kept = cache / "source"
    if not refresh:
        source = _kept_source(kept)
        if source is not None:
            return source
    return _fetch(kept, steps)


def _kept_source(kept: Path) -> Source | None:
    """Return the tarball of the last fetch, or None when it is absent or no longer what was fetched."""
    try:
        record = json.loads((kept / "source.json").read_text())
        source = Source(kept / record["file"], record["sha256"])
        return source if _sha256(source.path) == source.sha256 else None
    except (OSError, ValueError, KeyError):
        return None


def _fetch(kept: Path, steps: Steps) -> Source:
    archive = find_archive(steps)
    steps.say(f"fetching the source of pjproject ({_PACKAGE} in Debian {_SUITE})")
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="talkpath-apt-") as name:
        work = Path(name)
        options = _private_apt(work, archive)
        steps.run(["apt-get", *options, "update"], cwd=work)
        steps.run(["apt-get", *options, "source", "--download-only", "--only-source", _PACKAGE], cwd=work)
        found = sorted(work.glob(_COMPONENT))
        if len(found) != 1:
            raise StepError(f"{len(found)} files match {_COMPONENT} in Debian's {_PACKAGE}, wanted one")
        target = kept / found[0].name
        shutil.copyfile(found[0], target)
    source = Source(target, _sha256(target))
    (kept / "source.json").write_text(json.dumps({"file": target.name, "sha256": source.sha256}) + "\n")
    return source


def _private_apt(work: Path, archive: Archive) -> list[str]:
    """Return the options that make apt keep to `work`: its one source is the suite's source index."""
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    signed_by = f"Signed-By: {archive.keyring}\n" if archive.keyring else ""
    entry = f"Types: deb-src\nURIs: {archive.uri}\nSuites: {_SUITE}\nComponents: main\n{signed_by}"
    (work / "suite.sources").write_text(entry)
    settings = {
        "Dir::State": work / "state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::SourceList": work / "suite.sources",
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Sandbox::User": "root",  # the download user could not write into a private folder
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
