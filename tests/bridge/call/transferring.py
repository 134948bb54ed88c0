"""A call whose agent transfers, step by step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import World, configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

Monkeypatch = pytest.MonkeyPatch

TRANSFER = {
    "reply": [
        {"say": "One moment, I connect you."},
        {"call": "transfer_call", "arguments": {"target": "sales", "reason": "a bicycle", "summary": "Red."}},
    ]
}
BACK = {"reply": [{"say": "I am sorry, nobody is there."}]}
ACCEPT = {"reply": [{"call": "accept_call", "arguments": {}}]}
DECLINE = {"reply": [{"call": "decline_call", "arguments": {"message": "I call back at three."}}]}
BRIEF = {"reply": [{"say": "Alice calls about a bicycle. Do you take the call?"}]}
DONE = (("accepted", 202), ("trying", 100), ("done", 200))


def world(monkeypatch: Monkeypatch, mode: str = "warm", **more: Any) -> World:
    """A call whose agent transfers in its second turn, and is told the outcome in its third."""
    target = {"name": "sales", "description": "Orders.", "uri": "700", "mode": mode, **more.pop("target", {})}
    own = {"transfer": {"targets": ["sales"], **more.pop("transfer", {})}, **more.pop("agent", {})}
    config = configuration(own, targets=[target])
    briefing = more.pop("briefing", (BRIEF,))
    made = World(monkeypatch, config=config, script=[HELLO, TRANSFER, BACK], **more)
    made.briefing = briefing
    return made


async def asked(w: World, refer: Sequence[tuple[str, int]] = ()) -> None:
    """A caller wants to speak to a human, and the agent says that it connects them."""
    w.refer = refer
    await w.greeted()
    await w.whistle(0.6)
    await w.until(lambda: w.state() == "transferring")


def told(w: World) -> dict[str, Any]:
    """What the agent was told about the outcome."""
    agent = [model for model in w.models if model.settings.greeting_mode != "own_words"][-1]
    notes = [
        part["text"]
        for event in agent.asked("conversation.item.create")
        if event["item"].get("role") == "system"
        for part in event["item"]["content"]
    ]
    found: dict[str, Any] = json.loads(notes[-1])
    return found


def consult(w: World) -> str:
    """The id of the newest second leg."""
    call: str = w.of(m.PlaceCall)[-1].call
    return call


async def back_with_the_agent(w: World) -> None:
    """The caller hears the agent again."""
    await w.until(lambda: w.state() == "talking")
    since = w.loop.time()
    await w.until(lambda: w.phone.loud_after(since) > 10)
    await w.silence()
    w.ended()


async def heard_by(phone: Any, other: Any, w: World) -> int:
    """Frames with sound that one hears while the other whistles."""
    since = w.loop.time()
    other.hertz = 700.0
    await w.sleep(1.0)
    other.hertz = 0.0
    await w.sleep(0.3)
    return int(phone.loud_after(since))
