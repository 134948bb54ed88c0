"""The package for Debian: its parts, without building it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.package import build
from deploy.steps import StepError, Steps

HERE = build.HERE
FIELDS = {"VERSION": "1.2", "ARCHITECTURE": "amd64", "PYTHON": "python3.11", "DESCRIPTION": "x"}


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A tree with what lies outside of the environment."""
    build.place_files(tmp_path / "stage")
    build.write_control(tmp_path / "stage", {**FIELDS, "LIBRARIES": "libc6 (>= 2.34)"})
    return tmp_path / "stage"


def test_the_unit_is_the_one_of_the_tree_and_starts_what_the_package_brings(stage: Path) -> None:
    unit = (stage / "usr/lib/systemd/system/talkpath.service").read_text()
    assert unit == Path("deploy/systemd/talkpath.service").read_text()
    assert f"ExecStart=/{build.HOME}/bin/talkpath run -c /etc/talkpath/talkpath.toml" in unit
    assert (stage / "usr/bin/talkpath").readlink() == Path("/", build.HOME, "bin/talkpath")


def test_the_configuration_is_the_administrators_and_not_for_everybody(stage: Path) -> None:
    [listed] = (stage / "DEBIAN/conffiles").read_text().split()
    assert (stage / listed.lstrip("/")).stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb here")
def test_dpkg_makes_a_package_of_it(stage: Path, tmp_path: Path) -> None:
    package = tmp_path / "x.deb"
    subprocess.run(["dpkg-deb", "--build", stage, package], check=True, capture_output=True)
    shown = subprocess.run(
        ["dpkg-deb", "--field", package], check=True, capture_output=True, text=True
    ).stdout
    assert "Depends: python3.11, ca-certificates, systemd, libc6 (>= 2.34)" in shown
    assert "@" not in shown


@pytest.mark.parametrize("script", build.SCRIPTS)
def test_the_shell_understands_the_scripts(script: str) -> None:
    subprocess.run(["sh", "-n", HERE / script], check=True)


class Machine:
    """A machine whose tools only note what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "asked"
        for name in ("systemctl", "systemd-sysusers", "systemd-tmpfiles", "chgrp"):
            tool = folder / name
            tool.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.log}\n')
            tool.chmod(0o755)
        (folder / "systemd").mkdir()

    def asked_by(self, script: str, *arguments: str) -> list[str]:
        """Run a script of the package on it, as dpkg would."""
        self.log.write_text("")
        local = self.folder / script
        text = (HERE / script).read_text().replace("/run/systemd/system", f"{self.folder}/systemd")
        local.write_text(text.replace("/etc/", f"{self.folder}/etc/").replace("/opt/", f"{self.folder}/opt/"))
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        subprocess.run(["sh", local, *arguments], check=True, env=environment, capture_output=True)
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_upgrade_lets_calls_finish_before_the_files_go_and_starts_again(machine: Machine) -> None:
    assert machine.asked_by("prerm", "upgrade", "1.3") == ["systemctl stop talkpath"]
    assert machine.asked_by("postinst", "configure", "1.2")[-3:] == [
        "systemctl daemon-reload",
        "systemctl --quiet is-enabled talkpath",
        "systemctl start talkpath",
    ]


def test_the_first_installation_starts_nothing(machine: Machine) -> None:
    asked = machine.asked_by("postinst", "configure", "")
    assert asked[:2] == ["systemd-sysusers talkpath.conf", "systemd-tmpfiles --create talkpath.conf"]
    assert not any("start" in line for line in asked)


def test_a_removal_stops_the_service_for_good(machine: Machine) -> None:
    assert machine.asked_by("prerm", "remove") == [
        "systemctl stop talkpath",
        "systemctl --quiet disable talkpath",
    ]


def test_the_environment_forgets_where_it_was_made(tmp_path: Path) -> None:
    home = tmp_path / build.HOME
    site = home / "lib/python3.11/site-packages"
    for folder in (home / "bin", site / "x-1.dist-info", site / "x/__pycache__"):
        folder.mkdir(parents=True)
    (home / "pyvenv.cfg").write_text(f"command = python -m venv {home}\n")
    (home / "bin/talkpath").write_text(f"#!{home}/bin/python\n")
    (home / "bin/python").symlink_to("/usr/bin/python3")
    (site / "x-1.dist-info/direct_url.json").write_text("{}")
    (site / "x/__init__.py").write_text("")
    build.relocate(tmp_path)
    assert (home / "bin/talkpath").read_text() == "#!/opt/talkpath/bin/python\n"
    assert not (site / "x-1.dist-info/direct_url.json").exists()
    found = [path for path in home.rglob("*") if path.is_file() and bytes(tmp_path) in path.read_bytes()]
    assert not found


def test_another_python_than_the_distributions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/home/me/python")
    with pytest.raises(StepError, match="/usr/bin/python3"):
        build.build(tmp_path, Steps("deb", tmp_path / "log"))
