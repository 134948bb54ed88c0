"""The way of ``pip install 'talkpath[wheel]'``: an environment of its own, the wheels, a call."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from deploy.steps import cache_root
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.sipp import run_sipp

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

TREE = Path(__file__).parents[2]
BACKEND = "hatchling>=1.27"


def pip(python: Path, *arguments: str | Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def environment() -> Path:
    """An environment with ``.[wheel]``, kept outside of the tree for this pyproject.toml and Python."""
    made_of = (TREE / "pyproject.toml").read_bytes() + sys.version.encode() + Path(__file__).read_bytes()
    folder = cache_root() / "wheel-environment" / hashlib.sha256(made_of).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # An environment cannot be moved: this one stays where it was made, and is named when it is whole.
        made = Path(tempfile.mkdtemp(prefix="made-", dir=folder.parent))
        try:
            subprocess.run([sys.executable, "-m", "venv", made], check=True)
            pip(made / "bin/python", BACKEND, f"{TREE}[wheel]")
            folder.symlink_to(made)
        except BaseException:
            shutil.rmtree(made)
            raise
    return folder


@pytest.fixture
def python(environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment's Python, with the wheel of the present tree before the one that it was made with."""
    interpreter = environment / "bin/python"
    pip(interpreter, "--no-deps", "--no-build-isolation", "--target", tmp_path / "site", TREE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return interpreter


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
