"""The page about the architecture names every room of the tree."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
BRIDGE = ROOT / "bridge" / "talkpath" / "bridge"


def test_every_package_of_the_bridge_is_on_the_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    packages = {package.parent.name for package in BRIDGE.glob("*/__init__.py")}
    assert packages
    assert {name for name in packages if f"`{name}/`" not in page} == set()
