"""The sans-I/O core of a Realtime session: frames and wishes in, effects out, time as an argument.

One object serves one socket. For a new socket (after a loss, or to roll over before the time limit) make
a new session and give it the :meth:`RealtimeSession.history` of the old one with
:meth:`RealtimeSession.reseed`.

After every input take :meth:`RealtimeSession.effects` and ask :meth:`RealtimeSession.deadline` when to
call :meth:`RealtimeSession.wake`.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Literal

from talkpath.bridge.realtime import events
from talkpath.bridge.realtime.agreement import format_mismatch
from talkpath.bridge.realtime.conversation import Conversation
from talkpath.bridge.realtime.decode import Unreadable, decode_event
from talkpath.bridge.realtime.effects import (
    Configured,
    Effect,
    Played,
    SeedMessage,
    SessionExpiring,
    SessionFailed,
    SessionLost,
)
from talkpath.bridge.realtime.errors import Verdict, close_is_retryable, fatal_sentence, judge
from talkpath.bridge.realtime.lifecycle import State, Trigger, next_state
from talkpath.bridge.realtime.outbox import Outbox
from talkpath.bridge.realtime.timers import Timers
from talkpath.bridge.realtime.wire import session_update

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from talkpath.bridge.realtime.settings import SessionSettings

LATEST = 2.0**40
"""Unix times are smaller than that for a long while; a number that is not is none."""
LEAST_SESSION = 20.0
"""Seconds; nobody offers sessions that end sooner."""
MAX_BACKLOG = 512
"""Messages that may wait for the session to be configured."""


class RealtimeSession:
    """One conversation with a Realtime model over one socket.

    Args:
        settings: what to ask of the server.
        jitter: gives random numbers in [0, 1) that spread retries.
    """

    def __init__(self, settings: SessionSettings, *, jitter: Callable[[], float] = random.random) -> None:
        self.settings = settings
        self.state = State.IDLE
        self.session_id = ""
        self.expires_at: float | None = None
        """Unix time at which the server will close the session, once it has told."""
        self._outbox = Outbox()
        self._timers = Timers()
        self._talk = Conversation(settings, self._outbox, self._timers, jitter=jitter, fail=self._fail)
        self._backlog: list[SeedMessage] = []
        self._configuration_event = ""
        self._notice = settings.deadlines.expiry_notice
        self._complaint = ""
        """What the server last objected to, before it confirmed the session."""

    # -- outputs -------------------------------------------------------------------------------------

    def effects(self) -> list[Effect]:
        """Take what is to be done, in order."""
        return self._outbox.drain()

    def deadline(self) -> float | None:
        """When :meth:`wake` has to be called, or None."""
        return self._timers.next() if self._alive() else None

    def history(self) -> list[SeedMessage]:
        """The conversation as it was heard, ready for :meth:`reseed`."""
        return self._talk.history.seed(self._talk.speech.unfinished()) + list(self._backlog)

    def idle(self) -> bool:
        """Whether nobody speaks or is about to: a turn boundary, good for a roll-over."""
        talk = self._talk
        return not talk.speech.audible() and not talk.calls.running() and talk.responses.idle()

    @property
    def counts(self) -> Counter[str]:
        """Events by cause, for metrics."""
        return self._outbox.counts

    # -- the socket ----------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """The socket is open. That is not success yet: a bad key is told afterwards.

        Raises:
            IllegalTransitionError: this session has had a socket before.
        """
        self._move(Trigger.CONNECTED)
        deadlines = self.settings.deadlines
        self._timers.set("session_created", now + deadlines.session_created)
        self._timers.set("expiry", now + deadlines.session_limit - self._notice)

    def received(self, frame: str | bytes, now: float) -> None:
        """A frame arrived. Whatever it holds, this never raises."""
        if not self._alive():
            self.counts["frame_after_end"] += 1
            return
        event = decode_event(frame)
        if isinstance(event, Unreadable):
            self.counts[f"frame_{event.cause}"] += 1
            return
        self.counts[f"event:{event.__struct_config__.tag}"] += 1
        if isinstance(event, events.ErrorEvent):
            self._error(event.body(), now)
        elif isinstance(event, events.SessionCreated):
            self._created(event.session, now)
        elif isinstance(event, events.SessionUpdated):
            self._updated(event.session, now)
        elif self.state is State.READY:
            self._talk.handle(event, now)
        else:
            self.counts["event_too_early"] += 1

    def disconnected(self, code: int, reason: str, now: float) -> None:  # noqa: ARG002 - like every input
        """The socket is closed, by whomever. Nothing follows when the session had ended before."""
        if self._alive():
            self._move(Trigger.DROPPED)
            self._timers.clear_all()
            why = f"{reason[:200]}{self._complaint}".strip()
            self._outbox.emit(SessionLost(close_is_retryable(code), code, why))

    def close(self, now: float) -> None:  # noqa: ARG002 - like every input
        """The call is over; the owner closes the socket. Everything after this is ignored."""
        self._move(Trigger.CLOSE)
        self._timers.clear_all()

    def wake(self, now: float) -> None:
        """Act on the deadlines that have passed."""
        for timer in self._timers.take_due(now):
            if timer == "expiry":
                self._outbox.emit(SessionExpiring(self._notice))
            elif timer in {"session_created", "session_updated"}:
                sentence = (
                    f"The model server at {self.settings.public_url()} did not answer in time ({timer} is "
                    "missing). Check that this URL speaks the Realtime protocol, and its load."
                )
                self._fail_with(f"no_{timer}", f"{sentence}{self._complaint}", retryable=True)
            elif self.state is State.READY:
                self._talk.overdue(timer, now)

    # -- the playout ---------------------------------------------------------------------------------

    def flushed(self, played: Sequence[Played], now: float) -> None:  # noqa: ARG002 - like every input
        """Answer to ``FlushPlayout``: for every item that was in the lane, how much of it was played."""
        if self.state is State.READY:
            self._talk.flushed(list(played))

    def playout_started(self, item_id: str, now: float) -> None:  # noqa: ARG002 - like every input
        """The first frame of an item went out to the caller."""
        self.counts["items_heard"] += 1

    def playout_drained(self, item_id: str, now: float) -> None:  # noqa: ARG002 - like every input
        """The last frame of a finished item went out to the caller."""
        self._talk.speech.drained(item_id)

    # -- the agent -----------------------------------------------------------------------------------

    def expires_in(self, seconds: float, now: float) -> None:
        """The server ends this session after ``seconds``, sooner than the settings say.

        A time that is past or beyond the settings is not believed: it speaks of clocks that differ.
        """
        limits = self.settings.deadlines
        if self._alive() and LEAST_SESSION <= seconds < limits.session_limit:
            self._notice = min(limits.expiry_notice, seconds / 2)
            self._timers.set("expiry", now + seconds - self._notice)

    def greet(self, now: float) -> None:
        """Let the agent open the conversation as the settings say. May be called before it is ready."""
        mode, text = self.settings.greeting_mode, self.settings.greeting
        if mode == "say" and text:
            self._speak("greeting", f"Greet the caller now. {_word_for_word(text)}", now)
        elif mode == "own_words":
            self._speak(
                "greeting", f"The caller has just been connected. Speak first, greet them. {text}", now
            )

    def say(self, text: str, now: float) -> None:
        """Let the agent say a fixed sentence in its own voice, after what it is saying now."""
        self._speak("say", _word_for_word(text), now)

    def respond(self, now: float) -> None:
        """Ask for a response to the conversation as it stands."""
        self._talk.responses.ask("respond", now)

    def inject(self, text: str, role: Literal["user", "system"], respond: bool, now: float) -> None:
        """Put a line into the conversation, and let the agent respond to it when ``respond``."""
        message = SeedMessage(role, text)
        if self.state is not State.READY:
            self._later(message)
            if respond:
                self._talk.responses.ask("inject", now)
            return
        item_id = self._talk.add_message(message)
        if respond:
            self._talk.responses.ask("inject", now, needs=frozenset((item_id,)))

    def digits(self, text: str, now: float) -> None:
        """The caller pressed keys: the agent stops, is told, and responds."""
        self.interrupt(now)
        self.inject(f"(The caller pressed {text} on the telephone keypad.)", "user", respond=True, now=now)

    def interrupt(self, now: float) -> None:
        """Stop the agent for a reason of our own (keys, transfer, end of call)."""
        if self.state is State.READY:
            self._talk.interrupt(now)

    def tool_finished(self, call_id: str, output: str, now: float, *, respond: bool = True) -> None:
        """A tool has a result. ``respond=False``: the agent need not say anything about it."""
        if self.state is State.READY:
            self._talk.tool_finished(call_id, output, now, respond=respond)

    def update(self, fields: dict[str, Any], now: float) -> None:  # noqa: ARG002 - like every input
        """Change fields of the running session, for example ``{"instructions": "…"}``."""
        if self.state is State.READY:
            self._outbox.send(session_update({**fields, "type": "realtime"}))

    def reseed(self, history: Sequence[SeedMessage], now: float) -> None:  # noqa: ARG002 - like every input
        """Give this session the past of another one; before it is ready, or right after."""
        for message in history:
            if self.state is State.READY:
                self._talk.add_message(message)
            else:
                self._later(message)

    def _speak(self, purpose: str, order: str, now: float) -> None:
        # Instructions of a response replace those of the session, so they have to hold both.
        instructions = f"{self.settings.instructions}\n\n{order}".strip()
        self._talk.responses.ask(purpose, now, instructions=instructions, tool_choice="none")

    def _later(self, message: SeedMessage) -> None:
        if len(self._backlog) < MAX_BACKLOG:
            self._backlog.append(message)
        else:
            self.counts["message_dropped"] += 1

    # -- the server ----------------------------------------------------------------------------------

    def _created(self, session: dict[str, Any], now: float) -> None:
        if self.state is not State.OPENING:
            self.counts["event_unexpected"] += 1
            return
        self._learn(session)
        self._move(Trigger.CREATED)
        self._timers.clear("session_created")
        self._timers.set("session_updated", now + self.settings.deadlines.session_updated)
        self._configuration_event = self._outbox.send(session_update(self.settings.session_object()))

    def _updated(self, session: dict[str, Any], now: float) -> None:
        if self.state is not State.CONFIGURING:
            self.counts["session_updated_later"] += 1
            return
        mismatch = format_mismatch(session, self.settings.audio_format)
        if mismatch:
            self._fail_with("format_mismatch", mismatch, retryable=False)
            return
        self._learn(session)
        self._complaint = ""
        self._move(Trigger.CONFIRMED)
        self._timers.clear("session_updated")
        reasoning = self.settings.reasoning_object()
        if reasoning:
            self._outbox.send(session_update(reasoning))
        backlog, self._backlog = self._backlog, []
        for message in backlog:
            self._talk.add_message(message)
        # What the caller said meanwhile may bring an answer at once, which has to know what was before.
        self._outbox.emit(Configured(self.session_id, self.expires_at))
        self._talk.responses.open(now)

    def _learn(self, session: dict[str, Any]) -> None:
        expires = session.get("expires_at")
        if isinstance(expires, int | float) and 0 < expires < LATEST:
            self.expires_at = float(expires)
        self.session_id = str(session.get("id") or self.session_id)[:80]

    def _error(self, error: events.ErrorBody, now: float) -> None:
        code, kind, message = str(error.code or ""), error.type or "", error.message or ""
        verdict = judge(code, kind, message)
        if verdict is Verdict.FATAL:
            self._fail(code or kind, code or kind, message, False)
            return
        self._outbox.problem(code or kind or "error", message)
        if self.state is not State.READY and (message or code):
            self._complaint = f" It had complained: {message or code}"[:300]
        if self.state is State.CONFIGURING and self._about_configuration(error):
            place = f" ({error.param})" if error.param else ""
            sentence = f"The model server refused the session settings{place}: {message or code}"
            self._fail_with(
                "configuration_refused", f"{sentence[:400]} Correct the agent's settings.", retryable=False
            )
        elif self.state is State.READY:
            self._talk.responses.refused(error.event_id, verdict, code, message, now)

    def _about_configuration(self, error: events.ErrorBody) -> bool:
        if error.event_id:
            return error.event_id == self._configuration_event
        return (error.param or "").startswith("session")

    def _fail(self, cause: str, code: str, message: str, retryable: bool) -> None:
        """End the session because of what the server said, or because of a part that gave up."""
        sentence = message if not code else fatal_sentence(code, None, message, self.settings.model)
        self._fail_with(cause, sentence, retryable=retryable)

    def _fail_with(self, cause: str, sentence: str, *, retryable: bool) -> None:
        if self._alive():
            self._move(Trigger.FAULT)
            self._timers.clear_all()
            self._outbox.emit(SessionFailed(cause, sentence, retryable))

    def _alive(self) -> bool:
        return self.state in {State.OPENING, State.CONFIGURING, State.READY}

    def _move(self, trigger: Trigger) -> None:
        self.state = next_state(self.state, trigger)


def _word_for_word(text: str) -> str:
    return f"Say exactly the following, word for word, and nothing else:\n{text}"
