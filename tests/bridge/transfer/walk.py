"""The world that the effects of a transfer make, and all that can become of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from talkpath.bridge.transfer.machine import step
from talkpath.bridge.transfer.table import TABLE
from talkpath.bridge.transfer.vocabulary import Effect, Event, State

CONSULT_ENDS = (
    Event.BUSY,
    Event.NO_ANSWER,
    Event.REJECTED,
    Event.UNREACHABLE,
    Event.TARGET_IS_US,
    Event.TARGET_HUNG_UP,
)
"""How a call to a human can end."""


@dataclass(frozen=True)
class World:
    """What the effects have made of the world, and what has happened in it."""

    state: State = State.ASKED
    muted: bool = False
    agent_speaks: bool = True
    agent_open: bool = True
    comfort: bool = False
    announcing: bool = False
    consult: bool = False
    briefing: bool = False
    bridged: bool = False
    held: bool = False
    was_bridged: bool = False
    caller_ended_by_us: bool = False
    caller_left: bool = False
    referred: bool = False
    accepted: bool = False

    @property
    def had_a_human(self) -> bool:
        return self.referred or self.was_bridged


NEEDS: dict[Effect, dict[str, bool]] = {
    Effect.HOLD_CALLER: {"comfort": True},
    Effect.TELL_AGENT: {"agent_open": True, "muted": False, "held": False},
    Effect.COMFORT_ON: {"comfort": False, "announcing": False},
    Effect.COMFORT_OFF: {"comfort": True},
    Effect.PLAY_ANNOUNCEMENT: {"comfort": False, "held": False},
    Effect.STOP_ANNOUNCEMENT: {"announcing": True},
    Effect.DIAL: {"muted": True, "consult": False},
    Effect.REFER: {"muted": True, "consult": False},
    Effect.OPEN_BRIEFING: {"consult": True, "briefing": False},
    Effect.SPEAK_BRIEFING: {"briefing": True},
    Effect.CLOSE_BRIEFING: {"briefing": True},
    Effect.REFER_REPLACES: {"consult": True, "briefing": False},
    Effect.BRIDGE: {
        "consult": True,
        "comfort": False,
        "briefing": False,
        "agent_speaks": False,
        "held": False,
    },
    Effect.UNBRIDGE: {"bridged": True},
    Effect.HANG_UP_CALLER: {"had_a_human": True, "caller_ended_by_us": False},
}
"""What must hold when an effect is performed."""

MAKES: dict[Effect, dict[str, Any]] = {
    Effect.MUTE: {"muted": True},
    Effect.UNMUTE: {"muted": False},
    Effect.SILENCE_AGENT: {"agent_speaks": False},
    Effect.TELL_AGENT: {"agent_speaks": True},
    Effect.CLOSE_AGENT: {"agent_open": False, "agent_speaks": False},
    Effect.COMFORT_ON: {"comfort": True},
    Effect.COMFORT_OFF: {"comfort": False},
    Effect.HOLD_CALLER: {"held": True},
    Effect.TAKE_CALLER_BACK: {"held": False},
    Effect.PLAY_ANNOUNCEMENT: {"announcing": True},
    Effect.STOP_ANNOUNCEMENT: {"announcing": False},
    Effect.DIAL: {"consult": True},
    Effect.END_CONSULT: {"consult": False},
    Effect.OPEN_BRIEFING: {"briefing": True},
    Effect.CLOSE_BRIEFING: {"briefing": False},
    Effect.BRIDGE: {"bridged": True, "was_bridged": True},
    Effect.UNBRIDGE: {"bridged": False},
    Effect.HANG_UP_CALLER: {"caller_ended_by_us": True},
}
"""What an effect makes of the world."""


def perform(world: World, effect: Effect) -> World:
    """Do what an effect says, and insist that it can be done."""
    for name, value in NEEDS.get(effect, {}).items():
        assert getattr(world, name) is value, f"{effect.value} needs {name} to be {value}: {world}"
    return replace(world, **MAKES.get(effect, {}))


def follow(world: World, event: Event) -> World:
    state, effects = step(world.state, event)
    left = world.caller_left or event in {Event.CALLER_HUNG_UP, Event.SIP_LOST}
    world = replace(
        world,
        caller_left=left,
        referred=world.referred or event is Event.REFER_DONE,
        accepted=world.accepted or (event is Event.ACCEPTED and world.state is State.BRIEFING),
    )
    for effect in effects:
        world = perform(world, effect)
    return replace(world, state=state)


@cache
def every_world() -> frozenset[World]:
    """Every world that any sequence of legal events, of any length, can lead to."""
    seen = {World()}
    waiting = deque(seen)
    while waiting:
        world = waiting.popleft()
        for event in Event:
            if (world.state, event) in TABLE:
                following = follow(world, event)
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
    return frozenset(seen)
