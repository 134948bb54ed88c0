"""The line from one call to its model: one session after another, with one memory.

A session ends with its socket. The line opens the next one, gives it the history of the last, and exchanges
a session that is about to expire at a moment when nobody speaks.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from talkpath.bridge.call.agent_session import session_settings, welcoming
from talkpath.bridge.call.context_headers import fill_spoken
from talkpath.bridge.call.model_leg import ModelLeg
from talkpath.bridge.call.recovery import CALL_BUDGET, SETUP_BUDGET, Recovery
from talkpath.bridge.call.sentences import ANSWER_NOTE, RESUME_SENTENCE
from talkpath.bridge.call.tool_sound import ToolSound
from talkpath.bridge.realtime.effects import SeedMessage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from typing import Any

    from talkpath.bridge.call.abilities.ability import Ability
    from talkpath.bridge.call.model_leg import ModelLegOwner
    from talkpath.bridge.call.services import Services
    from talkpath.bridge.call.timers import CallTimers
    from talkpath.bridge.realtime.settings import SessionSettings, ToolDefinition
    from talkpath.bridge.realtime.tools import CallContext
    from talkpath.sip.messages import Comeback

REOPEN: Final = "reopen"
"""Name of the timer that waits for the next try."""


class ModelLine:
    """Sessions with one agent's model, at most one at a time.

    Args:
        agent: Name of the agent.
        owner: The call; what a session reports goes to it.
        services: What the worker lends.
        context: What the agent's tools may know about the call.
        abilities: Tools that the call carries out itself.
        timers: The call's timers.
        tool_failed: Called when the model got a sentence instead of a tool's result.
        comeback: What is known of a caller whom a transfer had given away; None: nobody had.
    """

    def __init__(
        self,
        agent: str,
        owner: ModelLegOwner,
        services: Services,
        context: CallContext,
        *,
        abilities: Iterable[Ability],
        timers: CallTimers,
        tool_failed: Callable[[], None],
        comeback: Comeback | None = None,
    ) -> None:
        self.leg: ModelLeg | None = None
        self.lane = -1
        self.caller_speaking = False
        """Whether the session hears the caller right now."""
        self.audible = False
        """Whether the caller has heard anything of the agent."""
        self._agent = agent
        self._owner = owner
        self._services = services
        self._context = context
        self._abilities = {ability.definition.name: ability for ability in abilities}
        self._timers = timers
        self._loop = asyncio.get_running_loop()
        self._tool_failed = tool_failed
        self._comeback = comeback
        self._tool_sound = ToolSound(services.plane, services.config.agents[agent].sound)
        self._history: Sequence[SeedMessage] = ()
        self._recovery = Recovery(SETUP_BUDGET)
        self._wait = 0.0
        self._greeted = False
        self._expiring = False

    @property
    def busy(self) -> bool:
        """Whether more speech of the agent is to come."""
        return self.leg is not None and self.leg.busy

    # Sessions -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open a session that remembers what was said."""
        self.caller_speaking = self._expiring = False
        services = self._services
        self.leg = ModelLeg(
            self._settings(),
            services.plane,
            self.lane,
            self._run_tool,
            self._owner,
            abilities=self._abilities,
            tls=services.tls[self._agent],
            background=services.background,
            open_timeout=services.connect_timeout,
        )
        self.leg.open(self._history)

    def reopen(self) -> None:
        """Open a session after the wait that `lost` has found."""
        self._timers.set(REOPEN, self._wait, self.open)

    def close(self) -> None:
        """End the session, or the wait for one."""
        self._timers.cancel(REOPEN)
        leg = self._forget_leg()
        if leg is not None:
            leg.close()

    def ready(self) -> None:
        """The session is configured."""
        self._recovery.succeeded(self._loop.time(), CALL_BUDGET)

    def lost(self, *, retryable: bool, wait: float) -> bool:
        """The session has ended, and none shall be wanted for ``wait`` seconds.

        Returns:
            Whether another try makes sense and is within the budget: then `reopen`.
        """
        self._forget_leg()
        delay = self._recovery.next_delay(self._loop.time(), self._services.chance.random(), wait)
        self._wait = delay or 0.0
        return retryable and delay is not None

    def expires_soon(self) -> None:
        """The session comes to its time limit: `roll_over_if_quiet` will exchange it."""
        self._expiring = True

    def roll_over_if_quiet(self) -> bool:
        """Change to a fresh session before the old one expires, if nobody speaks.

        What the caller says meanwhile waits in the new leg. Should it fail, the call recovers as from any
        other loss.
        """
        if not self._expiring or self.leg is None or self.leg.busy or self.caller_speaking:
            return False
        self.close()
        self.open()
        return True

    def _forget_leg(self) -> ModelLeg | None:
        leg, self.leg = self.leg, None
        self._tool_sound.stop()
        if leg is not None:
            self._history = leg.session.history()
        return leg

    def _settings(self) -> SessionSettings:
        settings = session_settings(self._services.config, self._agent, self._tools(), self._context.facts)
        return welcoming(settings, self._comeback) if self._comeback else settings

    def _tools(self) -> tuple[ToolDefinition, ...]:
        own = (ability.definition for ability in self._abilities.values())
        return (*own, *self._services.tools[self._agent].definitions())

    def _run_tool(self, name: str, arguments: dict[str, Any]) -> Awaitable[str]:
        services = self._services
        work = services.tool_runner.run(
            services.tools[self._agent],
            name,
            arguments,
            self._context,
            seconds=services.config.agents[self._agent].tool_timeout,
            on_failure=self._tool_failed,
        )
        return self._tool_sound.during(self.lane, work)

    def hush(self) -> None:
        """Stop what the agent says; it may go on speaking."""
        if self.leg is not None:
            self.leg.interrupt()

    # A transfer -----------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether a session is configured and alive."""
        return self.leg is not None and self.leg.ready

    def history(self) -> Sequence[SeedMessage]:
        """What was said so far, without what tools told the model."""
        lines = self.leg.session.history() if self.leg is not None else self._history
        return [line for line in lines if line.role != "tool"]

    def silence(self) -> None:
        """Let nothing of the agent be heard, until `unsilence`."""
        if self.leg is not None:
            self.leg.silence()

    def unsilence(self) -> None:
        """Let the agent be heard again."""
        if self.leg is not None:
            self.leg.unsilence()

    def restore(self) -> None:
        """Open a session if there is none, with the whole budget of tries."""
        if self.leg is None:
            self._recovery = Recovery(CALL_BUDGET)
            self.open()

    def tell(self, text: str, *, respond: bool = True) -> None:
        """Let the agent know something, and respond to it. Without a session the next one remembers it."""
        if self.leg is not None:
            self.leg.tell(text, respond=respond)
        else:
            self._history = (*self._history, SeedMessage("system", text))

    # Words ----------------------------------------------------------------------------------------

    def greet(self) -> None:
        """Let the agent say its greeting, once per call."""
        if self.leg is not None and not self._greeted:
            self._greeted = True
            self.leg.greet()

    def await_voice(self) -> None:
        """Let the agent know that its greeting is the answer to the first words it hears."""
        greeting = self._services.config.agents[self._agent].greeting
        if greeting:
            self.tell(f"{ANSWER_NOTE}{fill_spoken(greeting, self._context.facts)}", respond=False)

    def greeted(self) -> None:
        """What the agent answers now is its greeting."""
        self._greeted = True

    def resume(self) -> None:
        """Let the agent say what was; to a caller who has heard nothing yet, the greeting."""
        greets = self._comeback or self._services.config.agents[self._agent].greeting
        if not self.audible and greets:
            self._greeted = False
            self.greet()
        else:
            self.say(RESUME_SENTENCE)

    def say(self, sentence: str) -> bool:
        """Let the agent say a sentence; False: there is no session to say it."""
        if self.leg is None:
            return False
        self.leg.say(sentence)
        return True
