from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from talkpath.bridge.config import reference
from talkpath.bridge.config.describe import keys_of, toml
from talkpath.bridge.config.explain import section_in
from talkpath.bridge.config.load import load_text
from talkpath.bridge.config.model import Config
from talkpath.bridge.config.values import Section

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]


def test_the_committed_pages_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert reference.main(["--check"]) == 0, "run: python -m talkpath.bridge.config.reference"


def test_a_page_that_is_not_current_is_noticed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reference.main(["--check"]) == 1
    assert "docs/configuration.md is not current" in capsys.readouterr().err
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0


def test_the_sample_loads_as_it_is() -> None:
    loaded = load_text(reference.sample(), Path("/x/talkpath.toml"), {"OPENAI_API_KEY": "k"})
    assert list(loaded.config.agents) == ["reception"]


def test_every_commented_key_of_the_sample_is_a_real_one_with_a_value_that_can_be() -> None:
    text = re.sub(r"^#(?=[a-z\[])", "", reference.sample(), flags=re.MULTILINE)
    data = tomllib.loads(text)
    for route in data["routes"]:
        del route["reject"]  # it stands beside agent, and only one of the two may
    Config.model_validate(data)


def test_every_key_of_every_table_is_in_the_sample() -> None:
    text = reference.sample()
    for table in reference.TABLES:
        for key in keys_of(table.model):
            assert re.search(rf"^#?{key.name} = |\.{key.name}\]$", text, re.MULTILINE), key.name


def test_every_key_has_a_sentence() -> None:
    def check(model: type[Section]) -> None:
        for field in model.model_fields.values():
            assert field.description
            assert field.description.endswith(".")
            inner = section_in(field.annotation)
            if inner is not None:
                assert issubclass(inner, Section)
                check(inner)

    check(Config)


def test_text_is_quoted_for_toml() -> None:
    assert tomllib.loads("x = " + toml('a "b" \\c'))["x"] == 'a "b" \\c'
    assert tomllib.loads("x = " + toml({"a b": ["c", 1.5, True]}))["x"] == {"a b": ["c", 1.5, True]}
