"""Build the image without a container engine: `python -m deploy.verify.image FOLDER` as root in the root.

Each stage of the Dockerfile becomes a folder with a minimal Debian, in which its steps run by chroot. At the
end the daemon is started as the image's user, and the image's own health check must succeed. What this does
not prove: networks, volumes and limits of a container engine.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.debian import find_archive
from deploy.steps import StepError, Steps
from deploy.verify.dockerfile import Stage, assignments, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE: Final = Path("deploy/docker/Dockerfile")
OF_THE_MACHINE: Final = ("etc/hosts", "etc/resolv.conf", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt")
"""How the machine reaches package archives."""
_APT_CONFIG: Final = "/usr/bin/apt-config"
START_S: Final = 30.0
CONFIG: Final = """\
[sip]
listen = ["udp:127.0.0.1:15060"]
rtp_ports = "28000-28099"
[http]
listen = "127.0.0.1:9090"
[realtime]
url = "ws://127.0.0.1:8765/v1/realtime"
api_key = "simulated"
model = "gpt-realtime-2"
[workers]
count = 1
[agents.reception]
instructions = "You answer the phone."
"""


class Root:
    """One stage as a folder.

    Args:
        folder: Where it stands; made by `start`.
        steps: Runs the commands and shows progress.
    """

    def __init__(self, folder: Path, steps: Steps) -> None:
        self.folder = folder
        self._steps = steps
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self._workdir = "/"
        self.user = "0"

    def start(self, base: str) -> None:
        """Put a minimal Debian of the suite that the base image names into the folder."""
        suite = base.removeprefix("debian:").removesuffix("-slim")
        archive = find_archive(self._steps)
        keyring = [f"--keyring={archive.keyring}"] if archive.keyring else []
        self._steps.say(f"a minimal Debian {suite}")
        command = ["debootstrap", "--variant=minbase", *keyring, "--include=ca-certificates"]
        self._steps.run([*command, suite, self.folder, archive.uri])
        settings = subprocess.run([_APT_CONFIG, "dump"], capture_output=True, text=True, check=True).stdout
        lines = [line for line in settings.splitlines() if line.startswith("Acquire::")]
        (self.folder / "etc/apt/apt.conf.d/90machine").write_text("\n".join(lines) + "\n")
        (self.folder / "etc/apt/sources.list").write_text(f"deb {archive.uri} {suite} main\n")
        for name in OF_THE_MACHINE:
            if Path("/", name).exists():
                shutil.copyfile(Path("/", name), self.folder / name)

    def perform(self, word: str, rest: str, others: dict[str, Root]) -> None:
        """Carry out one instruction; those that only describe the image change nothing here."""
        match word:
            case "ENV":
                given = assignments(rest)
                path = given.get("PATH", "").replace("$PATH", self.environment["PATH"])
                self.environment |= {**given, **({"PATH": path} if path else {})}
            case "WORKDIR":
                self._workdir = rest
                (self.folder / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = rest
            case "RUN":
                self._steps.say(rest[:90])
                self._steps.run(self.command(["sh", "-ec", f"cd {self._workdir} && {rest}"], user="0"))
            case "COPY":
                self._copy(shlex.split(rest), others)
            case _:
                pass

    def command(self, inside: list[str], *, user: str = "") -> list[str]:
        """A command line that runs inside, with the image's environment."""
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        prefix = ["chroot", f"--userspec={user or self.user}:{user or self.user}", str(self.folder)]
        return [*prefix, "env", "-i", *variables, *inside]

    def _copy(self, words: list[str], others: dict[str, Root]) -> None:
        origin = Path()
        if words[0].startswith("--from="):
            origin = others[words.pop(0).removeprefix("--from=")].folder
        *sources, target = words
        place = self.folder / str(Path(self._workdir, target)).lstrip("/")
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True, ignore=ignored)
            else:
                into = place / found.name if target.endswith("/") else place
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, into)


def build(stages: list[Stage], folder: Path, steps: Steps) -> Root:
    """Carry out all stages; returns the last."""
    roots: dict[str, Root] = {}
    for number, stage in enumerate(stages):
        root = Root(folder / (stage.name or str(number)), steps)
        root.start(stage.base)
        for word, rest in stage.steps:
            root.perform(word, rest, roots)
        roots[stage.name or str(number)] = root
    return root


def try_out(root: Root, stage: Stage, steps: Steps) -> None:
    """Start the daemon as the image would, and wait for its health check.

    Raises:
        StepError: it never became healthy.
    """
    config = root.folder / "etc/talkpath/talkpath.toml"
    config.write_text(CONFIG)
    steps.run(root.command(["talkpath", "check", "-c", "/etc/talkpath/talkpath.toml"]))
    with mounted(root, steps):
        command = root.command([*stage.last("ENTRYPOINT"), *stage.last("CMD")])
        with (root.folder.parent / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for_health(root.command(stage.last("HEALTHCHECK")), daemon)
        finally:
            daemon.terminate()
            status = daemon.wait(30)
        steps.say(f"healthy as user {root.user}; ended with status {status}")


@contextmanager
def mounted(root: Root, steps: Steps) -> Iterator[None]:
    """Give a root what a container has of itself: its own /dev/null and /proc."""
    steps.run(["mount", "--bind", "/dev", root.folder / "dev"])
    steps.run(["mount", "-t", "proc", "proc", root.folder / "proc"])
    try:
        yield
    finally:
        for name in ("proc", "dev"):
            steps.run(["umount", root.folder / name])


def _wait_for_health(check: list[str], daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while subprocess.run(check, capture_output=True, check=False).returncode != 0:
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise StepError("the image never became healthy; see daemon.log")
        time.sleep(0.5)


def main() -> int:
    """Build the image of deploy/docker/Dockerfile in FOLDER and try it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.verify.image", description=main.__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True)
    steps = Steps("image", folder / "build.log")
    stages = parse(FILE.read_text(encoding="utf-8"))
    try:
        try_out(build(stages, folder, steps), stages[-1], steps)
    except StepError as error:
        sys.stderr.write(f"image: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
