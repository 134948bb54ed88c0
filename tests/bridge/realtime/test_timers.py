"""Named deadlines."""

from __future__ import annotations

from talkpath.bridge.realtime.timers import Timers


def test_the_earliest_deadline_comes_first_and_each_falls_due_once() -> None:
    timers = Timers()
    assert timers.next() is None
    timers.set("b", 2.0)
    timers.set("a", 1.0)
    timers.set("c", 9.0)
    assert timers.next() == 1.0
    assert timers.take_due(2.0) == ["a", "b"]
    assert timers.take_due(2.0) == []
    assert timers.next() == 9.0


def test_setting_again_moves_and_clearing_forgets() -> None:
    timers = Timers()
    timers.set("a", 1.0)
    timers.set("a", 5.0)
    assert timers.take_due(4.0) == []
    assert "a" in timers
    timers.clear("a", "unknown")
    assert "a" not in timers
    timers.set("b", 1.0)
    timers.clear_all()
    assert timers.next() is None
