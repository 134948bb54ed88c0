import hashlib
import tarfile
from pathlib import Path

import pytest

from deploy.pjsua2 import build as building
from deploy.pjsua2.recipe import compile_wheel
from deploy.pjsua2.source import Source, find_source
from deploy.steps import StepError, Steps


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps("test", tmp_path / "test.log")


def test_a_named_tarball_is_taken_as_it_is(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = tmp_path / "pjproject.tar.gz"
    tarball.write_bytes(b"some bytes")
    monkeypatch.setenv("PJPROJECT_TARBALL", str(tarball))
    source = find_source(tmp_path / "cache", steps, refresh=False)
    assert source == Source(tarball, hashlib.sha256(b"some bytes").hexdigest())


def test_a_named_tarball_that_is_not_there_is_refused_by_name(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PJPROJECT_TARBALL", "/nowhere/pjproject.tar.gz")
    with pytest.raises(StepError, match=r"/nowhere/pjproject\.tar\.gz, which is not a file"):
        find_source(tmp_path, steps, refresh=False)


def test_a_tarball_of_something_else_is_refused(tmp_path: Path, steps: Steps) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "README").write_text("not pjproject")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tarball:
        tarball.add(other, "other")
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(StepError, match="does not hold pjproject"):
        compile_wheel(tmp_path / "other.tar.gz", work, steps)


def test_another_source_or_other_limits_mean_another_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = building._key(Source(tmp_path, "aa"))
    assert building._key(Source(Path("/elsewhere"), "aa")) == first
    assert building._key(Source(tmp_path, "bb")) != first
    limits = tmp_path / "config_site.h"
    limits.write_text("#define PJSUA_MAX_CALLS 8\n")
    monkeypatch.setattr(building, "CONFIG_SITE", limits)
    assert building._key(Source(tmp_path, "aa")) != first
