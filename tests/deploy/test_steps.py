import sys
from pathlib import Path

import pytest

from deploy.steps import StepError, Steps, cache_root


def test_the_output_of_a_command_goes_to_the_log_and_not_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "logs/build.log"
    Steps("thing", log).run([sys.executable, "-c", "print('a compiler speaks')"])
    assert "a compiler speaks" in log.read_text()
    assert capfd.readouterr() == ("", "")


def test_a_failed_command_shows_the_end_of_the_log_and_names_the_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "build.log"
    program = "for n in range(100): print('line', n)\nraise SystemExit(7)"
    with pytest.raises(StepError, match=rf"status 7.*{log}"):
        Steps("thing", log).run([sys.executable, "-c", program])
    shown = capfd.readouterr().err
    assert "line 99" in shown
    assert "line 1\n" not in shown


def test_a_missing_program_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no-such-compiler is not installed"):
        Steps("thing", tmp_path / "log").run(["no-such-compiler"])


def test_a_run_without_commands_keeps_the_log_of_the_last(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    Steps("thing", log).run([sys.executable, "-c", "print('first run')"])
    Steps("thing", log).say("nothing to do")
    assert "first run" in log.read_text()


def test_variables_for_a_command_stand_on_top_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKPATH_KEPT", "kept")
    program = "import os; print(os.environ['TALKPATH_KEPT'], os.environ['ADDED'])"
    Steps("thing", tmp_path / "log").run([sys.executable, "-c", program], env={"ADDED": "added"})
    assert "kept added" in (tmp_path / "log").read_text()


def test_the_cache_follows_the_xdg_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "talkpath"
