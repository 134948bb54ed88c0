"""``talkpath calls`` and ``talkpath show``: what a person and a machine see of the records."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from talkpath.bridge.cli.app import app
from talkpath.bridge.cli.calls import plain
from talkpath.bridge.cli.exits import Exit
from talkpath.bridge.cli.filters import parse_moment
from talkpath.bridge.records.rows import FullCall, Moment
from talkpath.bridge.records.store import Store
from tests.bridge.records.calls import NOON, call, full_call

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

CONFIG = """
[realtime]
url = "ws://127.0.0.1:1/v1/realtime"
api_key = "test"

[agents.reception]
greeting = "Hello."
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "talkpath.toml"
    path.write_text(CONFIG)
    return path


def store(config: Path, *calls: FullCall) -> None:
    database = Store(f"sqlite:///{config.parent}/talkpath-calls.sqlite")
    database.save(calls)
    database.close()


def talkpath(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(config)])


def test_calls_are_listed_the_newest_first_and_filtered(config: Path) -> None:
    later = NOON + timedelta(hours=1)
    store(config, full_call("c-1"), full_call("c-2", started_at=later, cause="silence", caller="+4940777"))
    listed = talkpath(config, "calls")
    assert listed.exit_code == 0, listed.output
    lines = listed.output.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "c-2", "c-1"]
    assert "caller hung up" in lines[2]
    assert "420 ms" not in listed.output
    silent = talkpath(config, "calls", "--cause", "silence", "--json")
    assert [one["id"] for one in json.loads(silent.output)] == ["c-2"]
    assert [
        one["id"] for one in json.loads(talkpath(config, "calls", "--from", "+4940*", "--json").output)
    ] == ["c-2"]
    assert json.loads(talkpath(config, "calls", "--since", "1h", "--json").output) == []
    assert "and 1 more" in talkpath(config, "calls", "--limit", "1").output
    assert "No calls." in talkpath(config, "calls", "--agent", "nobody").output


def test_a_spreadsheet_gets_no_formula(config: Path) -> None:
    store(config, full_call("c-1", caller="=cmd|' /C calc'!A0"), full_call("c-2"))
    listed = talkpath(config, "calls", "--csv")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(listed.output))}
    assert rows["c-1"]["caller"].startswith("'=")
    assert rows["c-2"]["caller"] == "+4930123456"
    assert json.loads(rows["c-2"]["media"]) == {"packets_received": 3000}


def test_one_call_is_told_whole(config: Path) -> None:
    full = full_call(
        "c-abc",
        mos=4.3,
        loss_percent=0.5,
        jitter_ms=3.1,
        peer_mos=4.1,
        round_trip_ms=20.0,
        reason="all is well",
        recording="/var/lib/talkpath/c-abc.wav",
        cost_usd=0.0192,
        transfer="done",
        transfer_target="sales",
        left_out={"moments": 7},
    )
    full.moments.append(Moment(at=2.0, party="call", name="…", detail="7 steps are left out"))
    full.moments.append(Moment(at=60.0, party="sip", direction="out", name="hang-up"))
    store(config, full)
    for name in ("c-abc", "ab", "c-abc@pbx"):
        shown = talkpath(config, "show", name)
        assert shown.exit_code == 0, shown.output
        for words in (
            "c-abc@pbx",
            "INVITE ─▶",
            "◀─ session ready",
            "◀─ hang-up",
            "7 steps are left out",
            "My bell is broken.",
            "interrupted after 0.9 of 2.0 s",
            "MOS 4.30, loss 0.50 %, jitter 3.1 ms",
            "round trip 20 ms",
            "find_order",
            "$0.019200",
            "/var/lib/talkpath/c-abc.wav",
            "done to sales",
        ):
            assert words in shown.output, words
    told = json.loads(talkpath(config, "show", "ab", "--json").output)
    assert (told["call"]["id"], len(told["moments"])) == ("c-abc", 4)


def test_a_call_of_which_little_is_known_can_be_shown(config: Path) -> None:
    store(config, FullCall(call=call("c-1", answered_at=None, setup_seconds=None, caller="", agent="")))
    shown = talkpath(config, "show", "c-1")
    assert shown.exit_code == 0, shown.output
    assert "never answered" in shown.output
    assert "Ladder" not in shown.output


def test_nobody_and_several_are_explained(config: Path) -> None:
    store(config, full_call("c-a1"), full_call("c-a2"))
    nobody = talkpath(config, "show", "x")
    assert nobody.exit_code == Exit.FAILED
    assert "there is no call" in nobody.stderr
    several = talkpath(config, "show", "a")
    assert several.exit_code == Exit.USAGE
    assert "c-a1" in several.stderr
    assert "c-a2" in several.stderr


def test_what_comes_from_the_network_commands_no_terminal(config: Path) -> None:
    store(config, full_call("c-1", caller="\x1b[2J\x07evil", sip_call_id="a\x1b]0;x\x07b"))
    for command in (["calls"], ["show", "c-1"]):
        shown = talkpath(config, *command).output
        assert "\x1b" not in shown
        assert "\x07" not in shown
    assert plain("Müller 東京") == "Müller 東京"


def test_without_records_it_is_said_why(config: Path, tmp_path: Path) -> None:
    none_yet = talkpath(config, "calls")
    assert none_yet.exit_code == Exit.FAILED
    assert "no file" in none_yet.stderr
    config.write_text(f'{CONFIG}\n[records]\nurl = "off"\n')
    for command in (["calls"], ["show", "x"], ["calls", "prune"]):
        off = talkpath(config, *command)
        assert off.exit_code == Exit.FAILED
        assert "records are off" in off.stderr
    bad = talkpath(tmp_path / "none.toml", "calls")
    assert bad.exit_code == Exit.CONFIG


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--cause", "bad_luck"],
        ["--outcome", "good"],
        ["--limit", "0"],
        ["prune", "--older-than", "x"],
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(config: Path, arguments: list[str]) -> None:
    refused = talkpath(config, "calls", *arguments)
    assert refused.exit_code == Exit.USAGE, refused.output


def test_a_database_can_be_named_without_any_configuration(config: Path) -> None:
    store(config, full_call("c-1"))
    path = str(config.parent / "talkpath-calls.sqlite")
    for url in (path, f"sqlite:///{path}"):
        shown = CliRunner().invoke(app, ["calls", "--json", "--database", url])
        assert [one["id"] for one in json.loads(shown.output)] == ["c-1"]
    pruned = CliRunner().invoke(app, ["calls", "prune", "--database", path, "--older-than", "0s"])
    assert "1 call older than" in pruned.output, pruned.output


def test_pruning_goes_by_the_retention_or_by_what_is_said(config: Path) -> None:
    now = datetime.now(UTC)
    ages = {"c-1": 1, "c-50": 50, "c-100": 100}
    store(config, *(full_call(name, ended_at=now - timedelta(days=age)) for name, age in ages.items()))
    assert "1 call older than 90d deleted" in talkpath(config, "calls", "prune").output
    assert "1 call older than 30d deleted" in talkpath(config, "calls", "prune", "--older-than", "30d").output
    assert [one["id"] for one in json.loads(talkpath(config, "calls", "--json").output)] == ["c-1"]
    config.write_text(f"{CONFIG}\n[records]\nretention = 0\n")
    assert "kept for ever" in talkpath(config, "calls", "prune").output


def test_times_are_read_the_way_people_write_them() -> None:
    assert parse_moment("2h", NOON) == NOON - timedelta(hours=2)
    assert parse_moment("2026-11-20T14:00+00:00", NOON) == datetime(2026, 11, 20, 14, tzinfo=UTC)
    local = parse_moment("2026-11-20", NOON)
    assert local is not None
    assert local.astimezone().date().isoformat() == "2026-11-20"
    for text in ("yesterday", "2026-13-01", "-1h", "99999999999d"):
        assert parse_moment(text, NOON) is None


def test_tune_names_the_key_and_the_figures_behind_it(config: Path) -> None:
    now = datetime.now(UTC) - timedelta(hours=2)
    many = [full_call(f"c-{number}", started_at=now, answered_at=now, ended_at=now) for number in range(25)]
    for one in many:
        one.call.codec = "G722"
    store(config, *many)
    config.write_text(CONFIG.replace("[realtime]", '[realtime]\naudio = "pcmu"'))
    shown = talkpath(config, "tune")
    assert shown.exit_code == 0, shown.output
    assert 'realtime.audio = "pcm"   (now "pcmu")' in shown.output
    assert "25 of 25 calls had wide-band voice" in shown.output
    document = json.loads(talkpath(config, "tune", "--json").output)
    assert document["advice"][0]["key"] == "realtime.audio"
    assert "Too few" in talkpath(config, "tune", "--since", "1h").output
    assert talkpath(config, "tune", "--since", "soon").exit_code == Exit.USAGE
