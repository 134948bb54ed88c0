"""Names in the prose of the pages: keys of the configuration, words of logs and tables, panels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from talkpath.bridge.config.explain import known_keys

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
OTHER_PROGRAMS = {"asterisk.md", "freeswitch.md", "kamailio.md"}
THEIR_WORDS = {"PJSIP_HEADER", "force_transfer_context", "moh_suggest", "network_mode", "res_pjsip_refer"}
"""What other programs call their own, on pages that are about ours."""
HOSTS = {"sip.telnyx.com", "sip.telnyx.eu", "sip.telnyx.ca", "sip.telnyx.com.au"}


def name_of(page: Path) -> str:
    return page.name


def spans(page: Path) -> list[str]:
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page.read_text())


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every word of the sources, and the names of all files."""
    kinds = {".py", ".toml", ".js", ".html", ".yml"}
    folders = [ROOT / folder for folder in ("bridge", "codecs", "deploy", "sip", "tests/harness")]
    texts = (file.read_text() for folder in folders for file in folder.rglob("*") if file.suffix in kinds)
    names = {file.stem for folder in (*folders, ROOT / "tests") for file in folder.rglob("*")}
    return set(re.findall(r"\w+", "\n".join(texts))) | names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_key_of_the_configuration_that_a_page_names_exists(page: Path) -> None:
    for span in spans(page):
        path = re.match(r"\[{0,2}([a-z_]+(?:\.\w+)+)", span)
        if path is None or span in HOSTS or re.search(r"\.(py|js|css|pem|wav|sqlite)$", span):
            continue
        parts = path[1].split(".")
        parts = parts[:1] + parts[2:] if parts[0] == "agents" else parts  # agents.NAME.key
        if parts[0] in known_keys(()):
            for depth, part in enumerate(parts):
                assert part in known_keys(tuple(parts[:depth])), span


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OTHER_PROGRAMS], ids=name_of)
def test_every_name_with_an_underscore_is_one_of_the_sources(page: Path, words: set[str]) -> None:
    found = {name for span in spans(page) for name in re.findall(r"(?<!…_)\b[A-Za-z]\w*_\w+", span)}
    ours = {name for name in found - THEIR_WORDS if not name.startswith(("talkpath_", "init__"))}
    shown = re.findall(
        r"\w+", "".join(re.findall(r"^```.*?^```", page.read_text(), re.MULTILINE | re.DOTALL))
    )
    assert ours - set(shown) <= words


def test_the_panels_that_the_runbook_sends_people_to_exist() -> None:
    dashboards = (ROOT / "deploy/grafana/dashboards").glob("*.json")
    titles = {title for file in dashboards for title in _titles(json.loads(file.read_text()))}
    page = re.sub(r"\s+", " ", (ROOT / "docs/runbook.md").read_text())
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", page))
    assert len(named) > 5
    assert named <= titles


def _titles(node: object) -> list[str]:
    if isinstance(node, list):
        return [title for each in node for title in _titles(each)]
    if not isinstance(node, dict):
        return []
    own = [str(node["title"])] if "title" in node else []
    return own + [title for each in node.values() for title in _titles(each)]
