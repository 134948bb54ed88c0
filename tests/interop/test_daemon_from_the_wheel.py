"""The way of ``pip install 'talkpath[wheel,demo]'``: an environment of its own, the wheels, calls."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from deploy.steps import cache_root
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.sipp import run_sipp

# The first run installs everything from the package index, which may take minutes on a busy machine.
pytestmark = [pytest.mark.interop, pytest.mark.daemon, pytest.mark.timeout(1200)]

TREE = Path(__file__).parents[2]
BACKEND = "hatchling>=1.27"
EXTRAS = "[wheel,demo]"
KEPT = 4
"""Environments, of several sets of dependencies and versions of Python."""


def pip(python: Path, *arguments: str | Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def forget_old(folder: Path) -> None:
    """Remove all environments but the newest few."""
    links = [each for each in folder.iterdir() if each.is_symlink()]
    for link in sorted(links, key=lambda each: each.lstat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(link.resolve(), ignore_errors=True)
        link.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def environment() -> Path:
    """An environment with ``.[wheel,demo]``, kept outside of the tree for what it needs and this Python."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]
    made_of = (project["dependencies"], project["optional-dependencies"], EXTRAS, sys.version)
    folder = cache_root() / "wheel-environment" / hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # An environment cannot be moved: this one stays where it was made, and is named when it is whole.
        made = Path(tempfile.mkdtemp(prefix="made-", dir=folder.parent))
        try:
            subprocess.run([sys.executable, "-m", "venv", made], check=True)
            pip(made / "bin/python", BACKEND, f"{TREE}{EXTRAS}")
            folder.symlink_to(made)
            forget_old(folder.parent)
        except FileExistsError:  # another run was faster
            shutil.rmtree(made)
        except BaseException:
            shutil.rmtree(made)
            raise
    return folder


@pytest.fixture(scope="module")
def site(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the wheel of the present tree is installed."""
    folder = tmp_path_factory.mktemp("wheel") / "site"
    pip(environment / "bin/python", "--no-deps", "--no-build-isolation", "--target", folder, TREE)
    return folder


@pytest.fixture
def python(environment: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment's Python, with the wheel of the present tree before the one that it was made with."""
    monkeypatch.setenv("PYTHONPATH", str(site))
    return environment / "bin/python"


def test_the_published_pjsua2_carries_a_call_and_the_doctor_names_its_limits(
    python: Path, tmp_path: Path
) -> None:
    with RunningSimulator("tone") as model, Daemon(tmp_path, model_url=model.url, python=python) as daemon:
        result = run_sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "1500"))
        assert result.succeeded == 1, result.report
        ended = daemon.wait_for("call_ended")
        assert (ended["outcome"], ended["codec"]) == ("completed", "PCMU")
        assert ended["rtp_sent"] > 50
        assert "4 calls" in daemon.wait_for("sip_ready")["detail"]
        assert "TLS up to 1.2 only" in daemon.wait_for("sip_stack_limited")["problem"]
        daemon.assert_baseline()
        doctor = subprocess.run(
            [python, "-m", "talkpath", "doctor", "-c", tmp_path / "talkpath.toml"],
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
            check=False,
        )
    said = " ".join(doctor.stdout.split())
    assert "4 calls at once, TLS 1.2 only" in said, doctor.stdout + doctor.stderr


def in_archive(names: list[str]) -> set[str]:
    """Files of the package, as they are named in an import path."""
    return {
        name[name.index("talkpath/") :] for name in names if "talkpath/" in name and "dist-info" not in name
    }


def test_wheel_and_sdist_hold_every_file_of_the_package(environment: Path, tmp_path: Path) -> None:
    command = [str(environment / "bin/python"), "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, cwd=TREE, check=True, capture_output=True)
    wanted = {
        str(path.relative_to(root.parent))
        for root in (TREE / "bridge/talkpath", TREE / "codecs/talkpath", TREE / "sip/talkpath")
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    [wheel] = tmp_path.glob("*.whl")
    [sdist] = tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        assert in_archive(archive.namelist()) == wanted
    with tarfile.open(sdist) as archive:
        roots = ("bridge/", "codecs/", "sip/")
        inside = [name.partition("/")[2] for name in archive.getnames()]
        packed = {name.partition("/")[2] for name in inside if name.startswith(roots)}
        assert wanted <= packed
        assert {"LICENSE", "README.md", "pyproject.toml", "deploy/pjsua2/build.py"} <= set(inside)
    assert {f"talkpath/{part}/py.typed" for part in ("bridge", "codecs", "sip")} <= wanted


def test_the_installed_command_tells_its_version_and_checks_a_file(python: Path, tmp_path: Path) -> None:
    def said(*arguments: str | Path) -> str:
        done = subprocess.run(
            [python, "-m", "talkpath", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert (
        said("--version").split()[-1]
        == tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["version"]
    )
    config = tmp_path / "talkpath.toml"
    config.write_text(
        '[realtime]\nurl = "ws://127.0.0.1:1"\napi_key = "x"\nmodel = "m"\n[agents.a]\ninstructions = "x"\n'
    )
    assert "a" in said("check", "-c", config)


def test_the_demo_runs_from_the_wheel_where_there_is_no_tree(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-m", "talkpath", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "build/demo").iterdir()} >= {
        "call.wav",
        "call.png",
        "summary.json",
    }
