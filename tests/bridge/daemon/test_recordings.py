from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from talkpath.bridge.config.model import Config
from talkpath.bridge.daemon.recordings import retentions, tidy_up
from talkpath.bridge.recording.files import WaveFile

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0
NAME = "2026-01-31T09-15-0{}Z-c.wav"


def configured(**agents: dict[str, Any]) -> Config:
    return Config.model_validate({"agents": {name: {"recording": own} for name, own in agents.items()}})


def test_a_crash_is_repaired_and_old_files_go(tmp_path: Path) -> None:
    left = WaveFile(tmp_path / NAME.format(1), 8_000)
    left.append(np.zeros((160, 2), np.int16))
    os.close(left._fd)  # its process died
    for number, age in ((2, 31), (3, 29)):
        WaveFile(tmp_path / NAME.format(number), 8_000).finish()
        os.utime(tmp_path / NAME.format(number), (100 * DAY - age * DAY,) * 2)
    os.utime(tmp_path / f"{NAME.format(1)}.part", (100 * DAY,) * 2)
    tidy_up(configured(a={"mode": "always", "directory": tmp_path, "retention": "30d"}), 100 * DAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME.format(1), NAME.format(3)]


def test_of_agents_that_share_a_folder_the_longest_retention_counts(tmp_path: Path) -> None:
    own = {"mode": "always", "directory": tmp_path}
    assert retentions(configured(a={**own, "retention": "2d"}, b={**own, "retention": "5d"})) == {
        tmp_path: 5 * DAY
    }
    assert retentions(configured(a={**own, "retention": "2d"}, b=own)) == {tmp_path: None}
    assert retentions(configured(a={"mode": "off"})) == {}


def test_a_folder_that_cannot_be_read_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    tidy_up(configured(a={"mode": "always", "directory": tmp_path / "file", "retention": "2d"}), DAY)
    assert (tmp_path / "file").exists()
