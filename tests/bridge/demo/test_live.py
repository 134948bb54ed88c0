from __future__ import annotations

import io

from rich.console import Console

from talkpath.bridge.demo import events
from talkpath.bridge.demo.live import LiveView
from talkpath.bridge.demo.story import Story
from tests.bridge.demo.call_log import LINES, REPORTS, WALL, line


def show(*, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=terminal, color_system=None)
    story = Story()
    happened = [(report.at, report) for report in REPORTS] + [(each.wall - WALL, each) for each in LINES]
    with LiveView(console, story) as view:
        for _, what in sorted(happened, key=lambda pair: pair[0]):
            if isinstance(what, events.CallerReport):
                story.report(what)
                view.report(what)
            else:
                story.line(what)
                view.line(what)
        view.report(events.Levels(26.0, -20.0, -70.0))
        view.line(line(26.1, "no_rtp", "warning", problem="silence"))
    return out.getvalue()


def test_the_conversation_can_be_read_from_top_to_bottom() -> None:
    text = show()
    expected = [
        "answered after 85 ms, PCMU",
        "agent       Hello, this is the bicycle shop.",
        "caller      What are your opening hours?",
        "the agent calls opening_hours()",
        "the answer begins 900 ms after the caller's last sound",
        "understood: what are your opening hours",
        "the caller interrupts",
        "I am glad that you ask.",
        "the agent is silent 100 ms after that",
        "the caller presses 5",
        "the agent hangs up",
        "warning: no_rtp (problem silence)",
    ]
    places = [text.index(words) for words in expected]
    assert places == sorted(places)
    assert "two sisters" not in text, "words that nobody heard"


def test_meters_are_for_terminals() -> None:
    assert "█" not in show()
    assert "█" in show(terminal=True)


def test_a_flood_of_complaints_is_cut() -> None:
    out = io.StringIO()
    story = Story()
    with LiveView(Console(file=out, width=100), story) as view:
        for number in range(50):
            complaint = line(1.0, "beat_failed", "error", number=number)
            story.line(complaint)
            view.line(complaint)
    assert out.getvalue().count("beat_failed") == 5
