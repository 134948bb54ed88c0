"""The page about performance holds the figures that were measured, and no others."""

from __future__ import annotations

import json

import pytest

from tests.bench import page

FACTS = json.loads(page.FIGURES.read_text("utf-8"))


def test_the_page_is_written_from_the_figures() -> None:
    text = page.PAGE.read_text("utf-8")
    assert page.fill(text, FACTS) == text, "run python -m tests.bench.page"


def test_ramps_and_options_have_tables_and_what_is_unknown_a_dash() -> None:
    facts = {
        **FACTS,
        "ramps": [
            {"mode": "pcmu", "calls": 600, "ours": True, "limits": ["send jitter p99 12.0 ms"]},
            {"mode": "pcm", "calls": 400, "ours": False, "limits": ["no more than 400 calls were tried"]},
        ],
        "options": [
            {"name": "plain", "total": 800.0, "plane": 400.0, "appends": 300.0, "deltas": 100.0},
            {"name": "with TLS", "total": 1000.0, "plane": 400.0, "appends": 450.0, "deltas": 150.0},
        ],
    }
    text = page.fill(page.BEGIN + "old\n" + page.END, facts)
    assert "old" not in text
    assert "| G.711 | 600 | send jitter p99 12.0 ms |" in text
    assert "| PCM 24 kHz | at least 400 | no more than 400 calls were tried |" in text
    assert "| with TLS | 1,000 | 125 % | 400 | 450 | 150 |" in text
    assert "nan" not in text.lower()
    assert page.fill(text, facts) == text


def test_a_page_without_a_place_for_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for figures"):
        page.fill("# Performance\n", FACTS)
