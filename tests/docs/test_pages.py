"""What the pages name has to be there: metrics, keys of the log line, other pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.transfer.vocabulary import Reason

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
METRICS = (ROOT / "docs" / "metrics.md").read_text()


def name_of(page: Path) -> str:
    return page.name


def anchors(page: Path) -> set[str]:
    """The fragments that a renderer makes of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_metric_on_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"`(talkpath_[a-z_]+)(?:\{[^`]*\})?`", page.read_text()))
    known = set(re.findall(r"`(talkpath_[a-z_]+)`", METRICS))
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target, fragment in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        other = page if not target else (page.parent / target).resolve()
        assert other.exists(), target
        if fragment:
            assert fragment in anchors(other), f"{target}#{fragment}"


def test_the_keys_that_troubleshooting_reads_are_in_the_line_of_a_call() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    named = set(
        re.findall(r"`((?:rtp|frames|barge_in|turn_latency)_[a-z_]+|barge_ins|digits|ended_by)`", page)
    )
    assert named
    assert named - {"rtp_ports", "rtp_timeout"} <= set(CallRecord(call="x").line())


def test_troubleshooting_explains_every_end_of_a_transfer() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    table = page.partition("## Transfer fails")[2].partition("\n## ")[0]
    first_cells = " ".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first_cells)) - {"transfer"} == {reason.value for reason in Reason}
