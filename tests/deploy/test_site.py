"""The site gets what draws its diagrams from the cache; without npm it is built all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy import site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty site, and an empty cache beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    site.SITE.mkdir(parents=True)
    return tmp_path


def test_the_script_that_was_fetched_before_is_put_into_the_site(built: Path) -> None:
    kept = built / "cache/talkpath" / site.PACKAGE / site.SCRIPT
    kept.parent.mkdir(parents=True)
    kept.write_text("draw()")
    assert site.main() == 0
    assert (site.SITE / site.SCRIPT).read_text() == "draw()"


def test_without_npm_the_site_says_that_diagrams_need_the_internet(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.main() == 0
    assert not (built / site.SITE / site.SCRIPT).exists()
    assert "npm is not installed" in capsys.readouterr().err
