"""The session that speaks to the human before they take a call: two tools, no memory, no second try."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from talkpath.bridge.call.agent_session import session_settings
from talkpath.bridge.call.model_leg import ModelLeg
from talkpath.bridge.media import lane as media
from talkpath.bridge.transfer.tool import briefing_tools, parse_decision
from talkpath.bridge.transfer.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from talkpath.bridge.call.abilities.ability import Order
    from talkpath.bridge.call.bookkeeping import Bookkeeping
    from talkpath.bridge.call.services import Services
    from talkpath.bridge.realtime import effects as e
    from talkpath.bridge.realtime.settings import ToolDefinition
    from talkpath.bridge.transfer.briefing import Briefing


class BriefingOwner(Protocol):
    """What the transfer wants to know about the briefing."""

    def briefing_event(self, event: Event, message: str = "") -> None:
        """It is ready, it failed, or the human has decided; with what they want the caller to be told."""

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""


class _Decision:
    """One of the two tools."""

    def __init__(self, definition: ToolDefinition, decided: Callable[[Event, str], None]) -> None:
        self.definition = definition
        self._decided = decided

    def carry_out(self, order: Order) -> None:
        """Report the decision; the session ends with it."""
        event, message = parse_decision(self.definition.name, order.arguments)
        order.answer(json.dumps({"ok": True}), respond=False)
        self._decided(event, message)


class BriefingSession:
    """One session on the lane of the consult leg.

    Args:
        agent: Whose model and voice it has.
        lane: Where the human is.
        words: What it says.
        services: What the worker lends.
        books: Count its tokens.
        owner: The transfer.
    """

    def __init__(
        self,
        agent: str,
        lane: int,
        words: Briefing,
        *,
        services: Services,
        books: Bookkeeping,
        owner: BriefingOwner,
    ) -> None:
        self._lane = lane
        self._plane = services.plane
        self._loop = asyncio.get_running_loop()
        self._books = books
        self._metrics = services.metrics
        self._owner = owner
        tools = briefing_tools()
        settings = msgspec.structs.replace(
            session_settings(services.config, agent, tools),
            instructions=words.instructions,
            greeting=words.opening,
            greeting_mode="own_words",
        )
        self._leg = ModelLeg(
            settings,
            services.plane,
            lane,
            self._no_function,
            self,
            abilities={tool.name: _Decision(tool, owner.briefing_event) for tool in tools},
            tls=services.tls[agent],
            background=services.background,
            open_timeout=services.connect_timeout,
        )

    def open(self) -> None:
        """Connect; `Event.BRIEFING_READY` or `Event.BRIEFING_FAILED` follows."""
        self._leg.open()

    def speak(self) -> None:
        """Say who calls and why."""
        self._leg.greet()

    def close(self) -> None:
        """End the session and what it had to say. Again: nothing happens."""
        self._leg.close()
        self._plane.flush(self._lane, self._loop.time())

    def append(self, audio: bytes) -> None:
        """Pass on 20 ms of the human."""
        self._leg.append(audio)

    def media_event(self, event: media.MediaEvent) -> None:
        """Take an event of the lane."""
        match event:
            case media.PlayoutStarted(_, item_id, _delay):
                self._leg.playout_started(item_id)
            case media.PlayoutDrained(_, item_id):
                self._leg.playout_drained(item_id)
            case _:
                pass

    async def _no_function(self, name: str, _arguments: dict[str, Any]) -> str:
        return json.dumps({"ok": False, "error": f"There is no function {name}."})

    # What the model leg reports (ModelLegOwner) -----------------------------------------------------

    def model_ready(self) -> None:
        """The session is configured."""
        self._owner.briefing_event(Event.BRIEFING_READY)

    def model_lost(self, *, retryable: bool, sentence: str, wait: float) -> None:  # noqa: ARG002 - no second try: somebody waits
        """The session ended or could not be had."""
        self._owner.briefing_event(Event.BRIEFING_FAILED)

    def agent_silent(self, sentence: str) -> None:  # noqa: ARG002 - the human gets the caller unannounced
        """The model cannot be made to answer."""
        self._owner.briefing_event(Event.BRIEFING_FAILED)

    def caller_spoke(self, stopped_after: float) -> None:
        """The human interrupted: no figure of the call."""

    def session_effect(self, effect: e.Effect) -> None:
        """Record what it costs."""
        self._books.briefing_effect(effect)

    def session_counted(self, counts: Mapping[str, int]) -> None:
        """Count what the session or its socket counted."""
        self._metrics.session_counts(counts)

    def speech_may_be_over(self) -> None:
        """Nothing waits for that here."""

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""
        self._owner.broke(error)
