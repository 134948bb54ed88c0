from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.generated_files import write_or_check

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_files_are_written_with_their_folders_and_are_current_then(tmp_path: Path) -> None:
    wanted = {tmp_path / "docs" / "page.md": "pagé\n", tmp_path / "sample.toml": "a = 1\n"}
    assert write_or_check(wanted, ["--check"]) == 1
    assert not list(tmp_path.iterdir()), "a check writes nothing"
    assert write_or_check(wanted, []) == 0
    assert {path: path.read_text("utf-8") for path in wanted} == wanted
    assert write_or_check(wanted, ["--check"]) == 0


def test_a_check_names_what_is_not_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = tmp_path / "one.md", tmp_path / "other.md"
    write_or_check({one: "1", other: "2"}, [])
    assert write_or_check({one: "1", other: "3"}, ["--check"]) == 1
    assert capsys.readouterr().err == f"{other} is not current.\n"
