"""The files for containers and systemd: what can be checked of them without either."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.verify.dockerfile import assignments, parse
from talkpath.bridge.config.load import load

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy/docker"
UNIT = ROOT / "deploy/systemd/talkpath.service"
DOCKERFILES = [DOCKER / "Dockerfile", DOCKER / "asterisk/Dockerfile"]
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
EXPOSURE = 2.0
"""What `systemd-analyze security` may find at most; 0 is a service that may do nothing."""


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "-c", DOCKER / "hadolint.yaml", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_nobody_special_and_is_asked_for_its_health() -> None:
    stages = parse((DOCKER / "Dockerfile").read_text())
    last = stages[-1]
    assert [rest for word, rest in last.steps if word == "USER"] == ["10001"]
    assert "healthz" in " ".join(last.last("HEALTHCHECK"))
    assert last.last("ENTRYPOINT") == ["talkpath"]
    assert not any("build-essential" in rest for _, rest in last.steps)


def test_all_that_is_copied_into_the_image_is_in_the_tree_and_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for stage in parse((DOCKER / "Dockerfile").read_text()):
        for word, rest in stage.steps:
            if word == "COPY" and not rest.startswith("--from"):
                for source in rest.split()[:-1]:
                    assert (ROOT / source).exists()
                    assert Path(source).parts[0] in sent


def test_the_environment_of_an_image_is_read() -> None:
    assert assignments("A=1 PATH=/x:$PATH") == {"A": "1", "PATH": "/x:$PATH"}
    with pytest.raises(ValueError, match="unknown instruction ADD"):
        parse("FROM x\nADD y /")


def test_what_compose_mounts_and_builds_is_there() -> None:
    named = set(COMPOSE["volumes"])
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in named or (DOCKER / source).exists(), source
        assert set(service.get("depends_on", ())) <= set(COMPOSE["services"])
    assert (DOCKER / COMPOSE["services"]["asterisk"]["build"] / "Dockerfile").exists()
    contents = COMPOSE["services"]["talkpath"]["build"]
    assert (DOCKER / contents["context"] / contents["dockerfile"]).exists()


def test_only_sip_and_rtp_are_published_to_other_machines() -> None:
    for service in COMPOSE["services"].values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:") or port.endswith("/udp"), port


def test_the_configuration_of_compose_is_valid_and_fits_its_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in COMPOSE["services"]["talkpath"]["environment"].items():
        monkeypatch.setenv(name, value)
    config = load(DOCKER / "talkpath.toml").config
    [trunk] = config.trunks
    pjsip = (DOCKER / "asterisk/pjsip.conf").read_text()
    assert f"username = {trunk.username}\npassword = trunk" in pjsip
    written = tomllib.loads((DOCKER / "talkpath.toml").read_text())
    assert written["realtime"]["url"].removeprefix("ws://").startswith("simulator:8765")
    assert COMPOSE["services"]["simulator"]["command"][-1] == "8765"


def test_whoever_is_stopped_gets_the_time_to_drain() -> None:
    patience = int(COMPOSE["services"]["talkpath"]["stop_grace_period"].removesuffix("s"))
    [systemd] = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    config = load(ROOT / "deploy/talkpath.toml", environment={"OPENAI_API_KEY": "x"}).config
    assert min(patience, int(systemd)) >= config.workers.drain_timeout + 15


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here."""
    copy = tmp_path / UNIT.name
    copy.write_text(
        UNIT.read_text().replace("/opt/talkpath/bin/talkpath", shutil.which("true") or "/bin/true")
    )
    return copy


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


@needs_systemd
def test_systemd_understands_the_unit(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_unit_is_hardened(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    [exposure] = re.findall(r"Overall exposure level for talkpath.service: ([\d.]+)", done.stdout)
    assert float(exposure) <= EXPOSURE, done.stdout


@needs_systemd
def test_the_user_and_the_folder_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for tool, name in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles --create", "tmpfiles")):
        command = [*tool.split(), f"--root={tmp_path}", str(ROOT / f"deploy/systemd/talkpath.{name}")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert re.search(r"^talkpath:", (tmp_path / "etc/passwd").read_text(), re.MULTILINE)
    assert (tmp_path / "etc/talkpath").stat().st_mode & 0o777 == 0o750
