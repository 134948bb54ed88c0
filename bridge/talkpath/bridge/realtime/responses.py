"""One response at a time: when to ask for it, how long to wait, when to try again, when to give up.

The server makes responses of its own after each turn of the caller; ours (greeting, fixed sentences, tool
results, digits) stand in line as *wishes* and must not collide with them. A wish without instructions of
its own is fulfilled by any response that began after the server had everything the wish is about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from talkpath.bridge.realtime.errors import Verdict, judge
from talkpath.bridge.realtime.events import ResponseBody
from talkpath.bridge.realtime.response_state import (
    CAUSE_SENTENCES,
    ActiveResponse,
    CallerTurn,
    Request,
    Result,
    Wish,
    finished_effect,
    latency_effect,
    outcome_of,
)
from talkpath.bridge.realtime.retries import Retries
from talkpath.bridge.realtime.wire import cancel_response, create_response
from talkpath.bridge.realtime.wishes import Wishes

if TYPE_CHECKING:
    from talkpath.bridge.realtime.outbox import Outbox
    from talkpath.bridge.realtime.settings import SessionSettings
    from talkpath.bridge.realtime.timers import Timers

Fail = Callable[[str, str, str, bool], None]
"""Ends the session: cause, code, message, retryable."""


class Responses:
    """The responses of one session."""

    def __init__(
        self,
        settings: SessionSettings,
        outbox: Outbox,
        timers: Timers,
        *,
        jitter: Callable[[], float],
        fail: Fail,
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._timers = timers
        self._fail_session = fail
        self.active: ActiveResponse | None = None
        self._requested: Request | None = None
        self._wishes = Wishes(outbox)
        self._turn = CallerTurn()
        self._open = False
        self._retries = Retries(outbox, timers, settings.response_retries, jitter)
        self._discarded: deque[str] = deque(maxlen=32)
        self._finished: deque[str] = deque(maxlen=32)

    # -- what the owner wants ------------------------------------------------------------------------

    def open(self, now: float) -> None:
        """The session is configured: wishes may be sent."""
        self._open = True
        self._advance(now)

    def ask(
        self,
        purpose: str,
        now: float,
        *,
        instructions: str | None = None,
        tool_choice: str | None = None,
        needs: frozenset[str] = frozenset(),
    ) -> None:
        """Want a response; it is asked for as soon as no other one is running."""
        self._wishes.append(Wish(purpose, instructions, tool_choice, needs))
        self._advance(now)

    def interrupt(self, now: float) -> None:
        """Stop the response that is running or about to, and forget what stands in line."""
        self._wishes.clear()
        self._timers.clear("retry")
        if self._requested:
            self._requested.unwanted = True
        if self.active:
            self._discard(self.active)
            self._cancel(self.active, now)

    def idle(self) -> bool:
        """Whether the caller is silent, and no response is running, asked for, expected or in line."""
        turn = self._turn.speaking or self._turn.expected
        return not (self.active or self._requested or self._wishes or turn)

    def discarded(self, response_id: str) -> bool:
        """Whether the audio of a response must not be played."""
        return response_id in self._discarded

    def over(self, response_id: str) -> bool:
        """Whether a response has ended, not long ago."""
        return response_id in self._finished

    # -- the caller's turn ---------------------------------------------------------------------------

    def caller_started(self) -> None:
        """The caller speaks. What was to be repeated is out of date; the server breaks off its response."""
        self._turn.speaking = True
        self._wishes.drop_outdated()
        if not self._wishes:
            self._timers.clear("retry")
        if self.active and self._settings.turn_detection.interrupt_response:
            self._discard(self.active)

    def caller_stopped(self, now: float) -> None:
        """The caller's turn is over; the server will commit it and respond."""
        self._turn.stopped(now)
        self._expect(now)

    def committed(self, now: float) -> None:
        """The caller's turn is an item of the conversation."""
        self._turn.speaking = False
        self._turn.committed_at = now
        self._expect(now)

    def _expect(self, now: float) -> None:
        if self._settings.turn_detection.create_response:
            self._turn.expected = True
            self._timers.set("turn_created", now + self._settings.deadlines.response_created)
        self._advance(now)

    # -- what the server says ------------------------------------------------------------------------

    def created(self, body: ResponseBody, now: float) -> None:
        """A response begins: ours by its metadata, by our request being open, or the server's own."""
        if self.active and self.active.id == body.id:
            self._outbox.counts["response_created_again"] += 1
            return
        if self.active:
            self._outbox.counts["response_done_missing"] += 1
            self._finish(self.active, "superseded", Result("", ""), now)
        request, confirmed = self._match(body)
        if request is None or not request.wish.fixed:
            # Ours was made after the turn was committed as well, so it answers the turn too.
            self._turn.expected = False
            self._timers.clear("turn_created")
        active = ActiveResponse(
            body.id, request, confirmed, now, self._outbox.mark(), self._turn.take(request)
        )
        self.active = active
        self._timers.clear("busy")
        self._timers.set("first_audio", now + self._settings.deadlines.first_audio)
        self._timers.set("progress", now + self._settings.deadlines.progress)
        self._drop_fulfilled(active)
        if request and request.unwanted:
            self._discard(active)
            self._cancel(active, now)

    def progress(self, response_id: str, now: float) -> None:
        """Something of a response arrived."""
        if self.active is None and response_id and response_id not in self._finished:
            self._outbox.counts["response_created_missing"] += 1
            self.created(ResponseBody(id=response_id), now)
        if self.active and self.active.id == response_id:
            self._timers.set("progress", now + self._settings.deadlines.progress)

    def broken_off(self, response_id: str) -> None:
        """The server broke a response off for the caller, who began to speak before it did."""
        if self.active and self.active.id == response_id:
            self._discard(self.active)

    def spoke(self, response_id: str, now: float) -> None:
        """Audio of a response arrived."""
        active = self.active
        if active is None or active.id != response_id:
            return
        self._timers.clear("first_audio")
        if not active.spoke:
            active.spoke = True
            self._outbox.emit(latency_effect(active, now))

    def called(self, response_id: str) -> None:
        """A tool call of a response was accepted: it need not speak."""
        if self.active and self.active.id == response_id:
            self.active.called = True
            self._timers.clear("first_audio")

    def done(self, body: ResponseBody, result: Result, now: float) -> None:
        """A response ended."""
        if self.active is None and body.id not in self._finished:
            self._outbox.counts["response_created_missing"] += 1
            self.created(body, now)
        active = self.active
        if active is None or active.id != body.id:
            self._outbox.counts["response_done_unexpected"] += 1
            return
        self._finish(active, outcome_of(active, result), result, now)
        self._advance(now)

    def _finish(self, active: ActiveResponse, outcome: str, result: Result, now: float) -> None:
        self.active = None
        self._finished.append(active.id)
        self._timers.clear("first_audio", "progress", "cancel", "busy")
        self._outbox.counts[f"response_{outcome}"] += 1
        self._outbox.emit(finished_effect(active, outcome, result))
        if outcome in {"spoken", "called"}:
            self._retries.succeeded()
        elif outcome == "failed":
            self._after_failure(active, result, now)

    def _after_failure(self, active: ActiveResponse, result: Result, now: float) -> None:
        if judge(result.code, result.kind) is Verdict.FATAL:
            self._fail(result.code, result.code, result.message, False)
            return
        cause = "stalled" if active.stalled else result.code or ("silent" if not active.spoke else "failed")
        self._retry(active.wish, cause, result.message, now)

    def refused(self, event_id: str | None, verdict: Verdict, code: str, message: str, now: float) -> bool:
        """An error about one of our events.

        Returns:
            True when it was about a response and has been dealt with.
        """
        request, active = self._requested, self.active
        if request and event_id == request.event_id:
            self._requested = None
            self._timers.clear("response_created")
            self._refused_request(request, verdict, code, message, now)
            return True
        if active and active.request and event_id == active.request.event_id and not active.confirmed:
            wish = active.request.wish
            active.request = None
            self._refused_request(Request("", wish, now), verdict, code, message, now)
            return True
        if active and verdict is Verdict.NO_ACTIVE_RESPONSE and event_id == active.cancel_event:
            self._finish(active, outcome_of(active, Result("cancelled", "")), Result("cancelled", ""), now)
            self._advance(now)
            return True
        return verdict is Verdict.NO_ACTIVE_RESPONSE

    def _refused_request(
        self, request: Request, verdict: Verdict, code: str, message: str, now: float
    ) -> None:
        if request.unwanted:
            return
        if verdict is not Verdict.RESPONSE_BUSY:
            self._retry(request.wish, code or "refused", message, now)
            return
        self._outbox.counts["response_busy"] += 1
        self._wishes.put_back(request.wish)
        if self.active:
            self._drop_fulfilled(self.active)
        else:
            self._timers.set("busy", now + self._settings.deadlines.progress)

    # -- time ----------------------------------------------------------------------------------------

    def overdue(self, timer: str, now: float) -> None:
        """A timer of this module fell due."""
        if timer == "response_created" and self._requested:
            wish, unwanted = self._requested.wish, self._requested.unwanted
            self._requested = None
            if not unwanted:
                self._retry(wish, "no_response", "", now)
        elif timer == "turn_created":
            self._turn.expected = False
            if self._turn.speaking:
                return  # the next turn takes its place
            if not self.active and not self._requested and "retry" not in self._timers:
                self._retry(None, "no_response", "", now)
            else:
                self._wishes.want_turn()
        elif timer in {"first_audio", "progress"} and self.active:
            self.active.stalled = True
            self._cancel(self.active, now)
        elif timer == "busy" and not self._retries.failed("busy", "", now):
            self._wishes.clear()
        elif timer == "cancel":
            self._fail("stalled", "", CAUSE_SENTENCES["stalled"], True)
        self._advance(now)

    def _fail(self, cause: str, code: str, message: str, retryable: bool) -> None:
        self._open = False
        self._fail_session(cause, code, message, retryable)

    def _cancel(self, active: ActiveResponse, now: float) -> None:
        if active.cancel_event:
            return
        active.cancel_event = self._outbox.send(cancel_response(active.id))
        self._timers.clear("first_audio", "progress")
        self._timers.set("cancel", now + self._settings.deadlines.cancelled)

    def _retry(self, wish: Wish | None, cause: str, message: str, now: float) -> None:
        """Ask again after a while, or give up: then nothing else in line would fare better."""
        if self._retries.failed(cause, message, now):
            self._wishes.put_back(wish)
        else:
            self._wishes.clear()

    def _advance(self, now: float) -> None:
        """Send the next wish when nothing is in its way."""
        waiting = "retry" in self._timers or "busy" in self._timers
        if not self._open or self.active or self._requested or waiting:
            return
        wish = self._wishes.take_next(self._turn.holds)
        if wish is None:
            return
        metadata = {"purpose": wish.purpose, "wish": str(wish.number)}
        event_id = self._outbox.send(create_response(metadata, wish.instructions, wish.tool_choice))
        self._requested = Request(event_id, wish, now)
        self._timers.set("response_created", now + self._settings.deadlines.response_created)

    def _match(self, body: ResponseBody) -> tuple[Request | None, bool]:
        """The request that a new response answers, and whether its metadata proves it."""
        request = self._requested
        metadata = body.metadata if isinstance(body.metadata, dict) else {}
        number = str(metadata.get("wish", ""))
        if request and number in {"", str(request.wish.number)}:
            self._requested = None
            self._timers.clear("response_created")
            return request, bool(number)
        late = self._wishes.take_number(number)
        if late is None:
            return None, False
        self._timers.clear("retry")
        return Request("", late, 0.0), True

    def _drop_fulfilled(self, active: ActiveResponse) -> None:
        """Forget the wishes that the running response fulfils."""
        if active.wish and active.wish.fixed:
            return
        self._wishes.drop_fulfilled(active.mark)
        if not self._wishes:
            self._timers.clear("retry")

    def _discard(self, active: ActiveResponse) -> None:
        active.discarded = True
        self._discarded.append(active.id)
