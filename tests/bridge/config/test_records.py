"""The ``[records]`` section: where the database is, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.config.load import load_text
from talkpath.bridge.config.problems import ConfigError
from talkpath.bridge.config.process_settings import from_json, to_json

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config

AGENT = '[realtime]\napi_key = "k"\n[agents.a]\n'


def loaded(records: str = "", path: str = "/opt/talk/talkpath.toml", **environment: str) -> Config:
    return load_text(f"{AGENT}{records}", Path(path), environment).config


@pytest.mark.parametrize(
    ("records", "path", "state", "database"),
    [
        ("", "/opt/talk/talkpath.toml", "", "sqlite:////opt/talk/talkpath-calls.sqlite"),
        ("", "/etc/talkpath/talkpath.toml", "", "sqlite:////var/lib/talkpath/talkpath-calls.sqlite"),
        ("", "/etc/talkpath/talkpath.toml", "/s/one:/s/two", "sqlite:////s/one/talkpath-calls.sqlite"),
        ('[records]\nurl = "off"', "/etc/talkpath/talkpath.toml", "/s", ""),
        ('[records]\nurl = "my.sqlite"', "/opt/talk/talkpath.toml", "/s", "sqlite:////opt/talk/my.sqlite"),
        ('[records]\nurl = "sqlite:///my.sqlite"', "/opt/t.toml", "", "sqlite:////opt/my.sqlite"),
        ('[records]\nurl = "/srv/my.sqlite"', "/opt/t.toml", "", "sqlite:////srv/my.sqlite"),
        ('[records]\nurl = "postgresql://u:p@h/d"', "/opt/t.toml", "", "postgresql://u:p@h/d"),
    ],
)
def test_where_the_database_is(records: str, path: str, state: str, database: str) -> None:
    config = loaded(records, path, STATE_DIRECTORY=state)
    assert config.records.database == database
    assert from_json(to_json(config)).records.database == database


def test_a_configuration_made_by_code_keeps_no_records() -> None:
    assert from_json("{}").records.database == ""


def test_the_password_of_the_database_may_stand_elsewhere_and_shows_nowhere(tmp_path: Path) -> None:
    url = "postgresql://u:topsecret@h/d"
    config = loaded('[records]\nurl = "env:DB"', DB=url)
    assert config.records.database == url
    assert "topsecret" not in repr(config)
    assert "topsecret" not in config.model_dump_json()
    (tmp_path / "url").write_text(f"{url}\n")
    assert loaded(f'[records]\nurl_file = "{tmp_path}/url"').records.database == url


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ('url = "mysql://u:topsecret@h/d"', "neither a file nor the URL"),
        ('url = "env:NOT_THERE"', "NOT_THERE is not set"),
        ("url = 7", "records.url"),
        ('redact = ["("]', "is not a regular expression"),
        ('redact = ["x*"]', "matches nothing at all"),
        ("retention = -1", "must not be negative"),
        ('path = "x"', "unknown key"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(records: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(f"[records]\n{records}")
    assert words in str(refused.value)
    assert "topsecret" not in str(refused.value)
