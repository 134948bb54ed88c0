"""The responses of one session: at most one of the conversation at a time, any number out of band."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.simulator.conversation import Item
from talkpath.bridge.simulator.outputs import Budget
from talkpath.bridge.simulator.reply import Failure, Reply, Turn
from talkpath.bridge.simulator.responses import Generation
from talkpath.bridge.simulator.settings import ResponseSettings, reasons
from talkpath.bridge.simulator.timeline import Think
from talkpath.bridge.simulator.usage import Tokens, text_tokens
from talkpath.bridge.simulator.validate import Rejected

if TYPE_CHECKING:
    from talkpath.bridge.simulator.session import RealtimeSession
    from talkpath.bridge.simulator.timeline import Json


class Responder:
    """Begins, feeds, interrupts and ends responses.

    Attributes:
        active: the response of the conversation, None between responses.
        fresh: items that came after the last response began.
        voice_locked: True once audio was sent; the voice cannot change any more.
    """

    def __init__(self, session: RealtimeSession) -> None:
        self.active: Generation | None = None
        self.fresh: list[Item] = []
        self.voice_locked = False
        self._session = session
        self._generations: dict[str, Generation] = {}
        self._seen = Tokens()
        self._count = 0

    def advance(self, now: float) -> None:
        """Let every response send what is due."""
        for generation in tuple(self._generations.values()):
            generation.advance(now)

    def next_due(self) -> float | None:
        """Return when ``advance`` has something to do."""
        dues = (generation.next_due for generation in self._generations.values())
        return min((due for due in dues if due is not None), default=None)

    def supply(self, turn: Turn, reply: Reply, now: float) -> None:
        """Hand the persona's reply to its response; a reply that comes too late is dropped."""
        generation = self._generations.get(turn.response_id)
        if generation is not None:
            generation.supply(reply, now)

    def cancel(self, response_id: str | None, now: float) -> None:
        """Cancel the named response, or the active one.

        Raises:
            Rejected: there is none.
        """
        generation = self._generations.get(response_id) if response_id else self.active
        if generation is None:
            raise Rejected("response_cancel_not_active", "Cancellation failed: no active response found")
        generation.cancel("client_cancelled", now)

    def stop(self) -> None:
        """Forget everything; the connection is gone."""
        self._generations.clear()

    def create(self, given: Json, now: float) -> None:
        """Begin a response; ``given`` is the ``response`` of the client, or empty.

        Raises:
            Rejected: one is active already, or a referenced item does not exist.
        """
        settings = ResponseSettings.of(self._session.session, given)
        if self.active is not None and not settings.out_of_band:
            message = f"Conversation already has an active response in progress: {self.active.id}."
            raise Rejected("conversation_already_has_active_response", message)
        turn = self._turn(settings, given)
        budget = self._budget(turn)
        generation = Generation(
            self._session,
            turn,
            settings,
            self._session.options.timing,
            budget,
            conversation_id=self._session.conversation.id,
            stall=self._session.options.faults.stall,
            now=now,
        )
        self._generations[generation.id] = generation
        if not settings.out_of_band:
            self.active, self.fresh, self._seen = generation, [], budget.given
        self._session.input.response_created()
        failure = self._session.options.faults.failure_of(turn.number)
        if failure is None:
            self._session.ask(Think(turn))
        else:
            message = f"Simulated failure: {failure}."
            generation.supply(Reply((Failure(failure, message, failure),)), now)

    def interrupt(self, reason: str, now: float) -> None:
        """Cancel the active response, if there is one."""
        if self.active is not None:
            self.active.cancel(reason, now)

    def ended(self, generation: Generation, status: str, now: float) -> None:
        """Forget a response after its ``response.done``."""
        self._generations.pop(generation.id, None)
        if self.active is generation:
            self.active = None
        self.voice_locked = self.voice_locked or generation.audio_ms > 0
        limits = [{"name": "tokens", "limit": 15_000_000, "remaining": 14_990_000, "reset_seconds": 0.04}]
        times = 2 if self._session.options.faults.duplicate_rate_limits else 1
        due = now + self._session.options.timing.rate_limits_ms / 1000
        for _ in range(times):
            self._session.at(
                due, lambda at: self._session.emit("rate_limits.updated", at, rate_limits=limits)
            )
        if status == "completed" and not generation.settings.out_of_band:
            self._session.input.response_completed(generation.audio_ms, now)

    def _turn(self, settings: ResponseSettings, given: Json) -> Turn:
        """Describe a response to the persona."""
        items, fresh = self._session.conversation.items, tuple(self.fresh)
        if given.get("input") is not None:
            items = fresh = tuple(self._referenced(data) for data in given["input"])
        elif settings.out_of_band:
            fresh = ()
        self._count += 1
        return Turn(
            response_id=self._session.new_id("resp"),
            number=self._count,
            items=items,
            fresh=fresh,
            heard=next((item.heard for item in reversed(fresh) if item.heard is not None), None),
            instructions=settings.instructions,
            directed=settings.directed,
            tools=() if settings.tool_choice == "none" else settings.tools,
            memory=self._session.memory,
        )

    def _referenced(self, data: Json) -> Item:
        """Return an input item of ``response.create``, looked up when it is a reference."""
        if data["type"] != "item_reference":
            return Item({"id": data.get("id") or self._session.new_id("item"), **data})
        item = self._session.conversation.find(data["id"])
        if item is None:
            message = f"Item with id '{data['id']}' not found in the conversation."
            raise Rejected("invalid_value", message, "response.input")
        return item

    def _budget(self, turn: Turn) -> Budget:
        """Count the input of a response."""
        given = Tokens(text=text_tokens(turn.instructions) + sum(text_tokens(str(t)) for t in turn.tools))
        for item in turn.items:
            given += item.tokens()
        return Budget(given, self._seen, reasons(self._session.options.model))
