"""Commands and files that the pages name: they exist, with the options that the pages give them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from talkpath.bridge.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
TARGETS = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SOURCES = ("bridge", "codecs", "deploy", "docs", "sip", "tests")


def name_of(page: Path) -> str:
    return page.name


def code(page: Path) -> list[str]:
    """What the page shows in blocks of shell, line by line, and in spans of code."""
    text = page.read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0] for line in lines] + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}


def command_of(words: list[str]) -> Any:
    """The command that the words call, subcommands included.

    Raises:
        KeyError: there is no such command.
    """
    group: Any = get_command(app)
    found = group.commands[words[0]]
    for word in words[1:]:
        if word not in getattr(found, "commands", {}):
            break
        found = found.commands[word]
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_of_talkpath_have_the_options_that_the_page_gives_them(page: Path) -> None:
    for line in code(page):
        for call in re.findall(r"^(?:\S*/)?talkpath ([a-z][^|&;>]*)", line):
            words = [word for word in call.split() if not word.startswith("[")]
            given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            assert given <= options(command_of(words)), line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_targets_of_make_exist(page: Path) -> None:
    for line in code(page):
        for called in re.findall(r"^make((?: [a-z][a-z0-9]*)+)", line):
            assert set(called.split()) <= TARGETS, line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_modules_that_are_run_exist(page: Path) -> None:
    for line in code(page):
        for module in re.findall(r"python -m ((?:tests|deploy|talkpath)[\w.]*)", line):
            assert find_spec(module) is not None, line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_files_of_the_sources_exist(page: Path) -> None:
    for span in code(page):
        if re.fullmatch(rf"(?:{'|'.join(SOURCES)})/[\w./-]+", span):
            root = span.partition("/")[0]  # pages may leave out the middle of bridge/talkpath/bridge/…
            assert (ROOT / span).exists() or (ROOT / root / "talkpath" / span).exists(), span
