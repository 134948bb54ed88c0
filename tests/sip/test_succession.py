"""What the worker is told while one dialog takes the place of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from talkpath.sip.succession import Succession

if TYPE_CHECKING:
    from typing import Literal

CALL = "c-1"
MOVED = m.CallMoved(call=CALL, by="refer", sip_call_id="", peer_uri="sip:desk@pbx")
CONFIRMED = m.CallConfirmed(call=CALL)
BUSY = m.CallEnded(call=CALL, by="callee", status=486, reason="busy")


def bye(by: Literal["caller", "callee", "us", "failure"] = "caller") -> m.CallEnded:
    return m.CallEnded(call=CALL, by=by, status=200, reason="BYE")


def media(port: int, *, flows: bool = True) -> m.MediaUpdated:
    description = m.MediaDescription(
        codec="PCMU",
        payload_type=0,
        remote_address="192.0.2.1",
        remote_port=port,
        local_address="192.0.2.9",
        local_port=20_000,
        sends=flows,
        receives=flows,
    )
    return m.MediaUpdated(call=CALL, media=description)


class Story:
    """A succession, and what came out of it."""

    def __init__(self, *, inbound: bool = True, answered: bool = True) -> None:
        self.told: list[m.Message] = []
        self.exchanges = 0
        self.succession = Succession(
            MOVED, inbound=inbound, answered=answered, tell=self.told.append, exchange=self._exchange
        )
        self.succession.begin(media(4000).media)

    def _exchange(self) -> None:
        assert not any(isinstance(message, m.CallMoved) for message in self.told)
        self.exchanges += 1

    def old(self, *messages: m.Message) -> None:
        for message in messages:
            self.succession.from_old(message)

    def new(self, *messages: m.Message) -> None:
        for message in messages:
            self.succession.from_new(message)


def test_the_new_dialog_is_told_once_it_is_answered_and_the_old_one_no_more() -> None:
    story = Story()
    story.new(m.CallRinging(call=CALL, status=180), media(5000))
    assert story.told == []
    story.new(CONFIRMED, CONFIRMED)
    story.old(media(4001), bye())
    assert story.told == [MOVED, media(5000)]
    assert (story.exchanges, story.succession.done, story.succession.pending) == (1, True, False)


def test_in_the_place_of_one_that_rang_it_is_told_to_be_answered() -> None:
    story = Story(inbound=False, answered=False)
    story.new(media(5000))
    story.succession.complete()
    story.old(bye("callee"))
    story.new(CONFIRMED)
    assert story.told == [MOVED, media(5000), CONFIRMED]


def test_media_that_is_settled_later_follows() -> None:
    story = Story()
    story.succession.complete()
    story.new(media(5000), CONFIRMED)
    assert story.told == [MOVED, media(5000)]


def test_a_target_that_refuses_changes_nothing() -> None:
    story = Story()
    story.new(BUSY)
    story.old(media(4001), bye())
    assert story.told == [media(4001), bye()]
    assert (story.exchanges, story.succession.failed) == (0, True)


def test_an_old_dialog_that_ends_before_waits_for_the_new_one() -> None:
    story = Story()
    story.old(bye())
    assert story.told == [media(4000, flows=False)]
    story.new(media(5000), CONFIRMED)
    assert story.told[1:] == [MOVED, media(5000)]


def test_the_end_of_the_old_dialog_is_told_when_the_new_one_fails() -> None:
    story = Story()
    story.old(media(4001), bye())
    story.new(BUSY)
    assert story.told == [media(4001), media(4001, flows=False), bye()]


@pytest.mark.parametrize("inbound", [True, False])
def test_whoever_began_the_dialog_the_call_keeps_its_direction(inbound: bool) -> None:
    story = Story(inbound=inbound)
    story.new(CONFIRMED, bye("callee"))
    assert story.told[-1] == bye("caller" if inbound else "callee")
    other = Story(inbound=inbound)
    other.new(CONFIRMED, bye("failure"))
    assert other.told[-1] == bye("failure")
