"""Records and recordings over HTTP, from a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.api.records import recording_file
from talkpath.bridge.config.model import Config
from talkpath.bridge.records.store import Store
from tests.bridge.api.daemon_double import DaemonDouble
from tests.bridge.records.calls import full_call

if TYPE_CHECKING:
    from pathlib import Path

SOUND = bytes(range(256)) * 8


def config_of(folder: Path) -> dict[str, Any]:
    recording = {"mode": "always", "directory": str(folder / "recordings")}
    return {
        "agents": {"reception": {"instructions": "x", "recording": recording}},
        "records": {"url": f"sqlite:///{folder}/calls.sqlite"},
    }


@pytest.fixture
def daemon(tmp_path: Path) -> DaemonDouble:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "one.wav").write_bytes(SOUND)
    (tmp_path / "outside.wav").write_bytes(b"secret")
    store = Store(f"sqlite:///{tmp_path}/calls.sqlite")
    store.save(
        [
            full_call("c-1", recording=str(tmp_path / "recordings" / "one.wav")),
            full_call("c-2", caller="+331", recording=str(tmp_path / "outside.wav")),
            full_call("c-3", recording=str(tmp_path / "recordings" / ".." / "outside.wav")),
            full_call("c-4", outcome="failed"),
        ]
    )
    store.close()
    return DaemonDouble(**config_of(tmp_path))


def test_calls_that_are_over_are_listed_by_what_is_asked_for(daemon: DaemonDouble) -> None:
    assert len(daemon.reader.get("/records").json()["records"]) == 4
    (found,) = daemon.reader.get("/records", params={"caller": "+33*"}).json()["records"]
    assert found["id"] == "c-2"
    assert len(daemon.reader.get("/records", params={"limit": 2, "offset": 3}).json()["records"]) == 1
    assert daemon.reader.get("/records", params={"since": "2026-11-21T00:00:00Z"}).json() == {"records": []}
    assert daemon.reader.get("/records", params={"limit": 0}).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        {"offset": 2**63},
        {"offset": 10**30},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_figures_that_no_database_knows_are_refused(daemon: DaemonDouble, query: dict[str, Any]) -> None:
    answer = daemon.reader.get("/records", params=query)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{next(iter(query))}: ")


def test_one_of_them_is_told_whole(daemon: DaemonDouble) -> None:
    record = daemon.reader.get("/records/c-1").json()
    assert record["call"]["id"] == "c-1"
    assert record["utterances"][0]["text"] == "Hello, bicycle shop."
    assert daemon.reader.get("/records/c-none").status_code == 404


def test_a_recording_is_sent_whole_or_in_parts(daemon: DaemonDouble) -> None:
    whole = daemon.reader.get("/records/c-1/recording")
    assert (whole.content, whole.headers["content-type"]) == (SOUND, "audio/wav")
    part = daemon.reader.get("/records/c-1/recording", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, SOUND[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(SOUND)}"
    assert daemon.reader.get("/records/c-1/recording", headers={"Range": "bytes=9999-"}).status_code == 416


@pytest.mark.parametrize("call", ["c-2", "c-3", "c-4"])
def test_nothing_is_sent_that_is_not_a_recording_of_ours(daemon: DaemonDouble, call: str) -> None:
    answer = daemon.reader.get(f"/records/{call}/recording")
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    (tmp_path / "other.wav").write_bytes(b"x")
    (folder / "link.wav").symlink_to(tmp_path / "other.wav")
    config = Config.model_validate(config_of(tmp_path))
    assert recording_file(config, str(folder / "link.wav")) is None
    assert recording_file(config, str(folder / "gone.wav")) is None
    assert recording_file(config, "") is None
