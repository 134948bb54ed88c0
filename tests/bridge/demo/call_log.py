"""A good call for the tests of the demo, as its two sources tell it."""

from __future__ import annotations

import copy

from talkpath.bridge.demo import events
from talkpath.bridge.demo.checks import Evidence
from talkpath.bridge.demo.configuration import GREETING
from talkpath.bridge.demo.daemon_log import LogLine
from talkpath.bridge.demo.story import Story

WALL = 1_000_000.0
ABOUT = "I am glad that you ask. The shop was opened almost fifty years ago by two sisters."

REPORTS: tuple[events.Report, ...] = (
    events.Prepared(0.0, "pjsua2 2.17"),
    events.Answered(0.0, 85.0),
    events.RecordingBegan(0.0, WALL, "PCMU"),
    events.Began(0.5, "agent"),
    events.Ended(3.5, "agent"),
    events.Began(4.1, "caller", "question", "What are your opening hours?"),
    events.Ended(5.5, "caller"),
    events.Began(6.4, "agent"),
    events.Ended(9.0, "agent"),
    events.Began(9.6, "caller", "long", "Tell me about your shop."),
    events.Ended(11.0, "caller"),
    events.Began(11.9, "agent"),
    events.Began(14.9, "caller", "interruption", "Where is your shop?", interrupts=True),
    events.Ended(15.0, "agent"),
    events.Ended(16.0, "caller"),
    events.Began(16.9, "agent"),
    events.Ended(19.0, "agent"),
    events.Pressed(19.6, "5"),
    events.Began(20.3, "agent"),
    events.Ended(21.3, "agent"),
    events.Began(21.9, "caller", "goodbye", "Thank you very much, goodbye."),
    events.Ended(23.4, "caller"),
    events.Began(24.3, "agent"),
    events.Ended(26.0, "agent"),
    events.Reception(26.2, 1310, 0, 0, 0.4),
    events.HungUp(26.2, "agent", 200, "OK"),
)


def line(at: float, event: str, level: str = "info", **facts: object) -> LogLine:
    return LogLine(WALL + at, level, event, dict(facts))


def said(at: float, role: str, words: str) -> LogLine:
    return line(at, "said", role=role, pii_text=words)


LINES = (
    said(0.7, "agent", GREETING),
    said(6.3, "agent", "Let me see."),
    line(6.3, "tool_called", tool="opening_hours"),
    said(7.0, "agent", "From nine to six, Monday to Saturday."),
    said(7.2, "caller", "what are your opening hours"),
    said(12.7, "caller", "tell me about your shop"),
    line(14.96, "barge_in", stop_ms=1.0),
    said(14.97, "agent", ABOUT),
    said(16.8, "agent", "Let me see."),
    said(17.4, "agent", "We are at number twelve, River Street."),
    said(17.6, "caller", "where is your shop"),
    said(20.2, "agent", "You pressed five."),
    said(24.2, "agent", "Thank you for calling. Goodbye."),
    said(25.1, "caller", "thank you very much goodbye"),
    line(
        26.2,
        "call_ended",
        cause="agent_hung_up",
        ended_by="us",
        digits=1,
        frames_starved=0,
        rtp_lost=0,
        rtp_malformed=0,
    ),
)


def good_call() -> Story:
    story = Story()
    for report in REPORTS:
        story.report(report)
    for each in copy.deepcopy(LINES):
        story.line(each)
    story.complete()
    return story


def evidence(story: Story | None = None) -> Evidence:
    return Evidence(story or good_call(), remembered=3.1, daemon_exit=0, caller_exit=0)
