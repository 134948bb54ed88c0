"""Put pjsua2 into the environment that runs this: `python -m deploy.pjsua2.install` in the root.

The production build where a source can be had, else the wheel of the package index, with a warning. The two
install as a module and a package of the same name, so one always leaves before the other comes.
"""

import argparse
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from deploy.debian import NoDebianError
from deploy.pjsua2.build import build
from deploy.steps import StepError

_OWN = "pjsua2"
_PUBLISHED = "pjsua2-python"
_WARNING = """\
pjsua2: installing the published wheel instead of the production build.
        It holds 4 calls at once and speaks TLS 1.2 only: enough to try Talkpath, not to run it for others.
        For the production build use Debian, or name a source of pjproject:
        make pjsua2 PJPROJECT_TARBALL=/path/to/pjproject.tar.gz"""


def install_own(wheel: Path) -> None:
    """Install a wheel of ours, unless that very wheel is installed already."""
    if not _is_installed(_PUBLISHED) and _installed_from() == wheel.as_uri():
        print(f"pjsua2 {distribution(_OWN).version} is in place")
        return
    _uninstall(_PUBLISHED, _OWN)
    _pip("install", "--no-deps", str(wheel))
    print(f"pjsua2 {distribution(_OWN).version} installed from {wheel}")


def install_published() -> None:
    """Install the wheel of the package index, within the bounds that pyproject.toml states."""
    print(_WARNING, file=sys.stderr)
    _uninstall(_OWN)
    _pip("install", "--editable", ".[wheel]")


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _installed_from() -> str | None:
    """Return the address that pip noted for our wheel (PEP 610), or None."""
    try:
        noted = distribution(_OWN).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    return str(json.loads(noted)["url"]) if noted else None


def _uninstall(*names: str) -> None:
    installed = [name for name in names if _is_installed(name)]
    if installed:
        _pip("uninstall", "--yes", *installed)


def _pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=False)
    if done.returncode != 0:
        raise StepError(f"pip {arguments[0]} ended with status {done.returncode}")


def main() -> int:
    """Install pjsua2 into this environment."""
    parser = argparse.ArgumentParser(prog="python -m deploy.pjsua2.install", description=main.__doc__)
    parser.add_argument("--published", action="store_true", help="take the published wheel, build nothing")
    parser.add_argument("--refresh", action="store_true", help="look for a newer source in the archive")
    arguments = parser.parse_args()
    try:
        if arguments.published:
            install_published()
            return 0
        try:
            install_own(build(refresh=arguments.refresh))
        except NoDebianError as error:
            print(f"pjsua2: {error}", file=sys.stderr)
            install_published()
    except StepError as error:
        print(f"pjsua2 was not installed: {error}", file=sys.stderr)
        print("To try Talkpath without the production build: make pjsua2 PUBLISHED=1", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
