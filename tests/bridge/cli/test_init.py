from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

from typer.testing import CliRunner, Result

from talkpath.bridge.cli.app import app
from talkpath.bridge.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

ENOUGH = ("--pbx", "asterisk", "--address", "192.0.2.10")


def init(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", "--folder", str(folder), *arguments])


def test_what_it_writes_passes_the_check_and_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert init(folder, *ENOUGH).exit_code == Exit.OK
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    checked = CliRunner().invoke(
        app, ["check", "-c", str(folder / "talkpath.toml")], env={"OPENAI_API_KEY": "sk-x"}
    )
    assert checked.exit_code == Exit.OK, checked.output


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "trunk-password").write_text("mine")
    result = init(tmp_path, *ENOUGH)
    assert result.exit_code == Exit.USAGE
    assert "already there" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["trunk-password"]
    assert (tmp_path / "trunk-password").read_text() == "mine"


def test_without_anybody_to_ask_a_missing_answer_is_named(tmp_path: Path) -> None:
    result = init(tmp_path)
    assert result.exit_code == Exit.USAGE
    assert "--address is missing" in result.output


def test_a_wrong_option_writes_nothing(tmp_path: Path) -> None:
    result = init(tmp_path / "new", *ENOUGH, "--extension", "seven")
    assert result.exit_code == Exit.USAGE
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = init(tmp_path / "file" / "below", *ENOUGH)
    assert result.exit_code == Exit.FAILED
    assert "--folder" in result.output


def test_on_a_terminal_it_asks_four_questions_and_again_where_the_answer_makes_no_sense(
    tmp_path: Path,
) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "talkpath", "init", "--folder", str(tmp_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(theirs)
        os.write(ours, b"avaya\nfreeswitch\n\n192.0.2.10\n\nYou sell bicycles.\n")
        said = b""
        while True:
            try:
                said += os.read(ours, 4096)
            except OSError:  # the other side has closed the terminal
                break
        assert process.wait() == 0, said.decode()
    os.close(ours)
    assert b"none of the choices" in said
    assert {path.name for path in tmp_path.iterdir()} == {
        "talkpath.toml",
        "trunk-password",
        "freeswitch-directory.xml",
        "freeswitch-dialplan.xml",
    }
    assert "You sell bicycles." in (tmp_path / "talkpath.toml").read_text()
