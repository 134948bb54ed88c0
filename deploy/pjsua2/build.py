"""Build the pjsua2 wheel for the Python that runs this: `python -m deploy.pjsua2.build` in the root.

The wheel is kept under the hash of all it is made of; when it is already there nothing is built.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.debian import has_apt, require_packages
from deploy.pjsua2 import recipe
from deploy.pjsua2.recipe import CONFIG_SITE, compile_wheel
from deploy.pjsua2.source import Source, find_source
from deploy.steps import StepError, Steps, cache_root

_PACKAGES = (
    "build-essential",
    "swig",
    "xz-utils",
    "libssl-dev",
    "libsrtp2-dev",
    "uuid-dev",
    "libopus-dev",
    "libsamplerate0-dev",
)
_HEADERS = {
    "srtp2/srtp.h": "libsrtp2 (Debian: libsrtp2-dev)",
    "openssl/ssl.h": "OpenSSL 3 (Debian: libssl-dev)",
    "uuid/uuid.h": "libuuid (Debian: uuid-dev)",
    "samplerate.h": "libsamplerate (Debian: libsamplerate0-dev)",
}
_TOOLS = ("make", "gcc", "g++", "swig", "tar")


def wheel_cache() -> Path:
    """Return the folder that holds finished wheels, the source they came from and the logs."""
    return cache_root() / "pjsua2"


def build(*, refresh: bool = False) -> Path:
    """Return the wheel for this interpreter, built now or found in the cache.

    Args:
        refresh: Look for a newer source in the archive.

    Raises:
        StepError: Something is missing or a command failed; the text says what to do.
        NoDebianError: No tarball was named and this machine has no Debian archive to take one from.
    """
    cache = wheel_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache / "lock"):
        steps = Steps("pjsua2", cache / "build.log")
        source = find_source(cache, steps, refresh=refresh)
        _require_tools(steps)
        target = cache / _key(source)
        wheels = sorted(target.glob("*.whl"))
        if wheels:
            return wheels[0]
        # The pip of Debian 12 would build without isolation, and then wants a `wheel` that a new venv lacks.
        os.environ.setdefault("PIP_USE_PEP517", "1")
        with tempfile.TemporaryDirectory(prefix="talkpath-pjsua2-") as work:
            built = compile_wheel(source.path, Path(work), steps)
            wheel = _keep(built, target)
        steps.say(f"done: {wheel}")
        return wheel


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold a lock file, so that two builds at once end as one build and one reader."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _require_tools(steps: Steps) -> None:
    """Install the build packages where apt is, and refuse with names where something is still missing."""
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    if has_apt():
        debians_own = Path(sys.base_prefix) == Path("/usr")
        own = [f"python{sys.version_info.major}.{sys.version_info.minor}-dev"] if debians_own else []
        require_packages([*_PACKAGES, *own], steps)
        return
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    missing += [text for name, text in _HEADERS.items() if not Path("/usr/include", name).exists()]
    missing += [] if headers.exists() else ["the headers of this Python"]
    if missing:
        raise StepError(f"to build pjsua2, first install: {', '.join(missing)}")


def _key(source: Source) -> str:
    """Return the name of the wheel's folder: a hash of everything that goes into it."""
    digest = hashlib.sha256()
    for part in (
        source.sha256.encode(),
        CONFIG_SITE.read_bytes(),
        Path(recipe.__file__).read_bytes(),
        str(sysconfig.get_config_var("SOABI")).encode(),
        str(platform.freedesktop_os_release().get("VERSION_ID")).encode(),
        str(platform.freedesktop_os_release()["ID"]).encode(),
        str(Path("/usr/include/opus/opus.h").exists()).encode(),
    ):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _keep(built: Path, target: Path) -> Path:
    """Move a finished wheel into the cache, whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    partial = target / "partial"
    shutil.copyfile(built, partial)
    return partial.rename(target / built.name)


def main() -> int:
    """Print the path of the wheel, built if need be."""
    parser = argparse.ArgumentParser(prog="python -m deploy.pjsua2.build", description=main.__doc__)
    parser.add_argument("--refresh", action="store_true", help="look for a newer source in the archive")
    try:
        print(build(refresh=parser.parse_args().refresh))
    except StepError as error:
        print(f"pjsua2 was not built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
