from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args
from xml.etree import ElementTree as ET

import pytest

from talkpath.bridge.config.load import load
from talkpath.bridge.starter.answers import Answers, Pbx
from talkpath.bridge.starter.texts import files
from tests.harness.page import snippets

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config

AZURE = "wss://shop.openai.azure.com/openai/v1/realtime"
KEYS = {"OPENAI_API_KEY": "sk-x", "AZURE_OPENAI_API_KEY": "x"}
WORDS = 'You sell "bicycles" \\ and nothing else.'


def made(folder: Path, answers: Answers) -> Config:
    """Write the files, and read the configuration the way the daemon does."""
    for name, text in files(answers).items():
        (folder / name).write_text(text)
    return load(folder / "talkpath.toml", KEYS).config


@pytest.mark.parametrize("pbx", get_args(Pbx))
@pytest.mark.parametrize("model", ["openai", AZURE, "ws://127.0.0.1:8765/v1/realtime"])
def test_every_configuration_is_accepted_as_it_is(tmp_path: Path, pbx: Pbx, model: str) -> None:
    answers = Answers(pbx=pbx, address="pbx.example.com:5062", model=model, agent=WORDS)
    config = made(tmp_path, answers)
    assert config.agents["reception"].instructions == WORDS
    trunk = config.trunks[0]
    assert trunk.register_uri == "sip:pbx.example.com:5062"
    assert trunk.password is not None
    assert trunk.password.get_secret_value() == answers.password
    assert config.realtime.url == answers.url


def test_what_stands_there_as_a_comment_would_be_accepted_too(tmp_path: Path) -> None:
    """A person removes the # and expects it to work."""
    text = files(Answers(pbx="asterisk", address="192.0.2.10"))["talkpath.toml"]
    active = [line[1:] if line[:1] == "#" and line[1:2].strip() else line for line in text.splitlines()]
    (tmp_path / "talkpath.toml").write_text("\n".join(active))
    for name in ("trunk-password", "model-key"):
        (tmp_path / name).write_text("x")
    config = load(tmp_path / "talkpath.toml", {}).config
    assert config.targets[0].name == "people"


def test_the_part_of_asterisk_is_that_of_the_manual() -> None:
    answers = Answers(pbx="asterisk", address="192.0.2.10", password="change-me")  # noqa: S106 - the manual's
    page = snippets(Path(__file__).parents[3] / "docs/asterisk.md")["pjsip.conf: Talkpath registers"]
    ours = files(answers)["asterisk-pjsip.conf"]
    assert lines(ours) == lines(page)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(";")]


def test_the_part_of_freeswitch_is_well_formed_and_reaches_the_user_by_its_number() -> None:
    made_files = files(Answers(pbx="freeswitch", address="192.0.2.10", extension="*70"))
    user = ET.fromstring(made_files["freeswitch-directory.xml"]).find("user")  # noqa: S314 - our own text
    assert user is not None
    assert user.get("id") == "*70"
    condition = ET.fromstring(made_files["freeswitch-dialplan.xml"]).find(".//condition")  # noqa: S314 - ours
    assert condition is not None
    assert condition.get("expression") == r"^(\*70)$"
