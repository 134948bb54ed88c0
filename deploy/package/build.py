"""Build the package: `/usr/bin/python3 -m deploy.package.build` in the root; prints where it is.

It holds a virtual environment under /opt/talkpath, for the Python that runs this, which must be the
distribution's own. The environment is made in a folder and then told where it will live.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from deploy.debian import has_apt, require_packages
from deploy.steps import StepError, Steps

HERE: Final = Path(__file__).parent
HOME: Final = Path("opt/talkpath")
PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
EXTRAS: Final = "postgresql,tracing"
FILES: Final = {
    "deploy/systemd/talkpath.service": "usr/lib/systemd/system/talkpath.service",
    "deploy/systemd/talkpath.sysusers": "usr/lib/sysusers.d/talkpath.conf",
    "deploy/systemd/talkpath.tmpfiles": "usr/lib/tmpfiles.d/talkpath.conf",
    "deploy/talkpath.toml": "etc/talkpath/talkpath.toml",
    "LICENSE": "usr/share/doc/talkpath/copyright",
    "CHANGELOG.md": "usr/share/doc/talkpath/CHANGELOG.md",
}
"""Files of the tree, and where the package puts them."""
SCRIPTS: Final = ("postinst", "prerm", "postrm")


def build(output: Path, steps: Steps) -> Path:
    """Build the package into a folder.

    Raises:
        StepError: A step failed, or this is not the distribution's Python.
    """
    if Path(sys.base_prefix) != Path("/usr") or not has_apt():
        raise StepError("the package needs Debian or Ubuntu, and their Python: /usr/bin/python3")
    require_packages([f"{PYTHON}-venv", "dpkg-dev"], steps)
    with tempfile.TemporaryDirectory(prefix="talkpath-package-") as name:
        stage = Path(name, "stage")
        _environment(stage, steps)
        relocate(stage)
        place_files(stage)
        fields = _fields(stage, Path(name))
        write_control(stage, fields)
        output.mkdir(parents=True, exist_ok=True)
        package = output / f"talkpath_{fields['VERSION']}_{fields['ARCHITECTURE']}.deb"
        steps.say("packing")
        steps.run(["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", stage, package])
    return package


def _environment(stage: Path, steps: Steps) -> None:
    """Make the virtual environment with everything in it."""
    home = stage / HOME
    python = home / "bin/python"
    steps.say(f"making an environment for {PYTHON}")
    steps.run([f"/usr/bin/{PYTHON}", "-m", "venv", home])
    steps.say("the SIP stack (two to five minutes, if it was not built before)")
    steps.run([python, "-m", "deploy.pjsua2.install"])
    if not list(home.glob("lib/python*/site-packages/pjsua2-*.dist-info")):
        raise StepError("there is no production build of pjsua2; name a source with PJPROJECT_TARBALL=…")
    steps.say("Talkpath and what it needs")
    steps.run([python, "-m", "pip", "install", "--quiet", "--no-compile", f".[{EXTRAS}]"])


def relocate(stage: Path) -> None:
    """Let the environment know its place to be, and forget where it was made; then compile its modules."""
    home = stage / HOME
    for path in (home / "pyvenv.cfg", *(home / "bin").iterdir()):
        if not path.is_symlink():
            path.write_bytes(path.read_bytes().replace(bytes(stage), b""))
    for noted in home.glob("lib/python*/site-packages/*.dist-info/direct_url.json"):
        noted.unlink()
    for cached in home.rglob("__pycache__"):
        shutil.rmtree(cached)
    # Modules that need no check of their date are never written again, so removal leaves nothing behind.
    compiler = [f"/usr/bin/{PYTHON}", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"]
    subprocess.run([*compiler, "-s", str(stage), "-p", "/", str(home / "lib")], check=False)


def place_files(stage: Path) -> None:
    """Copy what lies outside of the environment, and link the command."""
    for source, target in FILES.items():
        place = stage / target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        place.chmod(0o640 if target.startswith("etc/") else 0o644)
    command = stage / "usr/bin/talkpath"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.symlink_to(Path("/", HOME, "bin/talkpath"))


def _fields(stage: Path, work: Path) -> dict[str, str]:
    """What this build puts into the control file."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "VERSION": project["version"],
        "DESCRIPTION": project["description"],
        "ARCHITECTURE": _answer(["dpkg", "--print-architecture"], work),
        "PYTHON": PYTHON,
        "LIBRARIES": _libraries(stage, work),
    }


def _libraries(stage: Path, work: Path) -> str:
    """The packages of the distribution whose libraries pjsua2 needs; what pip brings carries its own."""
    (work / "debian").mkdir()
    (work / "debian/control").write_text("Source: talkpath\n\nPackage: talkpath\nArchitecture: any\n")
    modules = map(str, (stage / HOME).glob("lib/python*/site-packages/_pjsua2*.so"))
    return _answer(["dpkg-shlibdeps", "-O", *modules], work).removeprefix("shlibs:Depends=")


def _answer(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepError(f"`{command[0]}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def write_control(stage: Path, fields: dict[str, str]) -> None:
    """Write what dpkg reads: the control file, the list of configuration files and the scripts."""
    folder = stage / "DEBIAN"
    folder.mkdir()
    text = (HERE / "control").read_text(encoding="utf-8")
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value)
    (folder / "control").write_text(text, encoding="utf-8")
    shutil.copyfile(HERE / "conffiles", folder / "conffiles")
    for script in SCRIPTS:
        shutil.copyfile(HERE / script, folder / script)
        (folder / script).chmod(0o755)


def main() -> int:
    """Build the package into dist/."""
    os.umask(0o022)  # the package has the modes of the files here
    steps = Steps("deb", Path("build/deb.log"))
    try:
        steps.say(f"done: {build(Path('dist'), steps)}")
    except StepError as error:
        print(f"the package was not built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
