"""The session that speaks to the human, with a simulated model on a lane of the worker's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.call.briefing_session import BriefingSession
from talkpath.bridge.transfer.briefing import Briefing
from talkpath.bridge.transfer.vocabulary import Event
from tests.bridge.call.transferring import ACCEPT, BRIEF, DECLINE
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence

Monkeypatch = pytest.MonkeyPatch
WORDS = Briefing("You speak to a human.", "Say who calls.")


def lookup(number: str) -> str:
    """A function of the agent's."""
    return number


class Transfer:
    """The owner, and its books: notes what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[Event, str]] = []
        self.effects: list[Any] = []

    def briefing_event(self, event: Event, message: str = "") -> None:
        self.events.append((event, message))

    def briefing_effect(self, effect: Any) -> None:
        self.effects.append(effect)

    def broke(self, error: Exception) -> None:
        raise error


def session(w: World, script: Sequence[dict[str, Any]] = (BRIEF,)) -> tuple[BriefingSession, Transfer]:
    """A session on the lane of the caller, which is as good as the human's."""
    w.briefing = script
    owner = Transfer()
    lane = w.worker.calls["c1"].lane
    books: Any = owner
    made = BriefingSession("reception", lane, WORDS, services=w.worker._services, books=books, owner=owner)
    return made, owner


@in_virtual_time
async def test_it_has_two_tools_and_none_of_the_agents(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch, tools=[lookup]) as w:
        await w.greeted()
        briefing, owner = session(w)
        briefing.open()
        await w.until(lambda: owner.events)
        settings = w.models[-1].settings
        assert owner.events == [(Event.BRIEFING_READY, "")]
        assert {tool.name for tool in settings.tools} == {"accept_call", "decline_call"}
        assert (settings.instructions, settings.greeting) == ("You speak to a human.", "Say who calls.")
        assert json.loads(await briefing._no_function("lookup", {}))["ok"] is False
        briefing.close()
        briefing.close()
        w.ended()


@in_virtual_time
@pytest.mark.parametrize(
    ("answer", "decided"),
    [(ACCEPT, (Event.ACCEPTED, "")), (DECLINE, (Event.DECLINED, "I call back at three."))],
)
async def test_the_human_decides_by_voice(
    monkeypatch: Monkeypatch, answer: dict[str, Any], decided: tuple[Event, str]
) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        briefing, owner = session(w, [answer])
        briefing.open()
        await w.until(lambda: owner.events)
        briefing.speak()
        await w.until(lambda: len(owner.events) == 2)
        assert owner.events[1] == decided
        briefing.close()
        w.ended()


@in_virtual_time
async def test_a_session_that_is_lost_or_says_nothing_has_failed_at_once(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        await w.greeted()
        briefing, owner = session(w)
        briefing.model_lost(retryable=True, sentence="The model is busy.", wait=0.0)
        briefing.agent_silent("No answer came.")
        assert [event for event, _ in owner.events] == [Event.BRIEFING_FAILED] * 2
        w.ended()
