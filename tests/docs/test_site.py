"""The site of the documentation: every page has its place, and no link is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "zensical.toml"
PAGES = sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))


def listed(navigation: Any) -> list[str]:
    """The pages of a navigation, in order."""
    if isinstance(navigation, str):
        return [navigation]
    entries = navigation.values() if isinstance(navigation, dict) else navigation
    return [page for entry in entries for page in listed(entry)]


def test_every_page_stands_once_in_the_navigation() -> None:
    navigation = listed(tomllib.loads(SETTINGS.read_text())["project"]["nav"])
    assert sorted(navigation) == PAGES, "add the new page to `nav` in zensical.toml"


@pytest.mark.parametrize(("start", "prefix"), [("docs/index.md", ""), ("README.md", "docs/")])
def test_a_reader_finds_every_page_from_the_start(start: str, prefix: str) -> None:
    linked = set(re.findall(rf"\]\({prefix}([\w-]+\.md)", (ROOT / start).read_text()))
    assert set(PAGES) - linked == {"index.md"}, f"name the page for its reader in {start}"


def test_no_page_links_to_a_file_outside_of_the_site() -> None:
    leaving = [page for page in PAGES if "](../" in (ROOT / "docs" / page).read_text()]
    assert not leaving, "name files of the sources in `code`, without a link"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy of what the site is made of."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(SETTINGS, tmp_path)
    return tmp_path


def build(site: Path) -> subprocess.CompletedProcess[str]:
    zensical = Path(sys.executable).with_name("zensical")
    return subprocess.run(
        [zensical, "build", "--strict"], cwd=site, capture_output=True, text=True, check=False
    )


def test_the_site_is_built_without_a_warning(site: Path) -> None:
    done = build(site)
    assert done.returncode == 0, done.stdout + done.stderr
    made = {path.name for path in (site / "build/site").glob("*.html")}
    assert made >= {Path(page).with_suffix(".html").name for page in PAGES}


@pytest.mark.parametrize("link", ["[x](nowhere.md)", "[x](install.md#nowhere)"])
def test_a_broken_link_breaks_the_build(site: Path, link: str) -> None:
    (site / "docs/index.md").write_text(f"# Start\n\n{link}\n")
    assert build(site).returncode != 0
