"""One model session on one lane: performs what the session wants, reports what the call must know.

The session (`talkpath.bridge.realtime.session`) is pure; its socket and the media plane are edges. This
is the one place where they meet, and the only one that performs a session's effects.
"""

from __future__ import annotations

import asyncio
import collections
import functools
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from talkpath.bridge.call.abilities.ability import Order
from talkpath.bridge.call.spoken_items import SpokenItems
from talkpath.bridge.realtime import effects as e
from talkpath.bridge.realtime.connect_errors import ConnectError
from talkpath.bridge.realtime.connection import RealtimeConnection, open_connection
from talkpath.bridge.realtime.session import RealtimeSession
from talkpath.bridge.realtime.wire import append_event

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine, Mapping, Sequence

    from talkpath.bridge.call.abilities.ability import Ability
    from talkpath.bridge.media.lane import Played
    from talkpath.bridge.media.plane import MediaPlane
    from talkpath.bridge.realtime.settings import SessionSettings

RunTool = Callable[[str, dict[str, Any]], Awaitable[str]]

UNHEARD_FRAMES: Final = 250
"""20 ms frames kept while a session is opened in the middle of a call: 5 s, the time a connect may take."""


class ModelLegOwner(Protocol):
    """What a call wants to know about its model."""

    def model_ready(self) -> None:
        """The session is configured: audio may flow."""

    def model_lost(self, *, retryable: bool, sentence: str, wait: float) -> None:
        """The session ended or could not be had, and shall not be wanted for ``wait`` seconds. Said once."""

    def caller_spoke(self, stopped_after: float) -> None:
        """The caller began to speak while the agent was being heard.

        Args:
            stopped_after: Seconds from the notice (a frame, or a key) to the stop of the playout.
        """

    def agent_silent(self, sentence: str) -> None:
        """The model cannot be made to answer."""

    def session_effect(self, effect: e.Effect) -> None:
        """Everything that is worth a record: transcripts, usage, latencies, problems."""

    def session_counted(self, counts: Mapping[str, int]) -> None:
        """What the session, or its socket, counted by cause; said at its end."""

    def speech_may_be_over(self) -> None:
        """Something ended that the agent had to say; ask `ModelLeg.busy` and the plane."""

    def broke(self, error: Exception) -> None:
        """The code of the call failed. Nothing of it may reach the event loop: end this call."""


class ModelLeg:
    """The life of one session, from `open` to `close` or to its loss.

    Args:
        settings: What to ask of the model.
        plane: The media plane.
        lane: The lane that the model listens and talks to.
        run_tool: Runs a function of the agent and returns what to tell the model.
        owner: The call.
        abilities: Tools that the call carries out itself, by name.
        tls: Context for ``wss://``, shared among calls.
        background: Runs what may outlive the leg: the closing handshake of its socket.
        open_timeout: Seconds for TCP, TLS and the handshake.
    """

    def __init__(
        self,
        settings: SessionSettings,
        plane: MediaPlane,
        lane: int,
        run_tool: RunTool,
        owner: ModelLegOwner,
        *,
        abilities: Mapping[str, Ability],
        tls: ssl.SSLContext | None,
        background: Callable[[Coroutine[None, None, None]], None],
        open_timeout: float,
    ) -> None:
        self.session = RealtimeSession(settings)
        self._settings = settings
        self._run_function = run_tool
        self._owner = owner
        self._abilities = abilities
        self._tls = tls
        self._background = background
        self._open_timeout = open_timeout
        self._loop = asyncio.get_running_loop()
        self._connection: RealtimeConnection | None = None
        self._configured = False
        self._silenced = False
        self._over = False
        self._performing = False
        self._items = SpokenItems(plane, lane, self._loop.time)
        self._spoke_in_this_response = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._entered_at = 0.0
        self._frames_per_append = settings.uplink_ms // 20
        self._joined: list[bytes] = []
        self._unheard: collections.deque[bytes] = collections.deque(maxlen=UNHEARD_FRAMES)

    @property
    def busy(self) -> bool:
        """Whether more speech is to come: a response runs or is owed, or a tool is at work."""
        return not self._over and not self.session.idle()

    @property
    def ready(self) -> bool:
        """Whether the session is configured and alive."""
        return self._configured and not self._over

    def open(self, seed: Sequence[e.SeedMessage] = ()) -> None:
        """Connect, and put ``seed`` into the conversation once the session is configured."""
        if seed:
            self.session.reseed(seed, self._loop.time())
        self._start(self._connect)

    def close(self) -> None:
        """End the session. The owner hears nothing more. Again: nothing happens."""
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._tasks:
            task.cancel()
        self._items.finish_all()
        self._owner.session_counted(self.session.counts)
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._owner.session_counted(connection.counts)
            self._background(connection.close())

    # From the media plane -------------------------------------------------------------------------

    def append(self, audio: bytes) -> None:
        """Send 20 ms of what the caller says; until the session is configured, keep the last seconds."""
        if not self._configured or self._connection is None:
            self._unheard.append(audio)
            return
        if self._frames_per_append > 1:
            self._joined.append(audio)
            if len(self._joined) < self._frames_per_append:
                return
            audio = b"".join(self._joined)
            self._joined.clear()
        self._connection.send_audio_soon(append_event(audio))

    def playout_started(self, item_id: str) -> None:
        """The first frame of an item was handed to RTP."""
        self._do(lambda now: self.session.playout_started(item_id, now))

    def playout_drained(self, item_id: str) -> None:
        """The last frame of an item was handed to RTP."""
        self._do(lambda now: self.session.playout_drained(item_id, now))
        self._owner.speech_may_be_over()

    # From the call --------------------------------------------------------------------------------

    def greet(self) -> None:
        """Let the agent say its greeting."""
        self._do(self.session.greet)

    def say(self, text: str) -> None:
        """Let the agent say a fixed sentence."""
        self._do(lambda now: self.session.say(text, now))

    def tell(self, text: str, *, respond: bool = True) -> None:
        """Put a note into the conversation, and let the agent respond to it."""
        self._do(lambda now: self.session.inject(text, "system", respond=respond, now=now))

    def silence(self) -> None:
        """Stop what the agent says and let nothing of it be heard, until `unsilence`; the session stays."""
        self._silenced = True
        self._do(self.session.interrupt)

    def unsilence(self) -> None:
        """Let the agent be heard again; what it said meanwhile is not."""
        self._do(self.session.interrupt)
        self._silenced = False

    def digits(self, text: str) -> None:
        """Tell the model which keys the caller pressed; they interrupt it."""
        self._stop_and_do(lambda now: self.session.digits(text, now))

    def interrupt(self) -> None:
        """Stop the agent."""
        self._stop_and_do(self.session.interrupt)

    def _stop_and_do(self, action: Callable[[float], None]) -> None:
        def stopped(now: float) -> None:
            self._stop_leftovers()
            action(now)

        self._do(stopped)

    # Inside ---------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        try:
            connection = await open_connection(
                self._settings,
                self._received,
                self._disconnected,
                tls=self._tls,
                open_timeout=self._open_timeout,
            )
        except ConnectError as failure:
            self._lose(retryable=failure.retryable, sentence=str(failure), wait=failure.retry_after or 0.0)
            return
        if self._over:
            await connection.close()
            return
        self._connection = connection
        self._do(self.session.connected)

    def _received(self, frame: bytes) -> None:
        self._do(lambda now: self.session.received(frame, now))

    def _disconnected(self, code: int, reason: str) -> None:
        self._do(lambda now: self.session.disconnected(code, reason, now))

    def _do(self, enter: Callable[[float], None]) -> None:
        """Give the session one input, then perform what it wants and keep its timer."""
        if self._over:
            return
        try:
            self._entered_at = time.monotonic()  # uvloop's clock stands still within a turn
            enter(self._loop.time())  # the clock of the session's timers
            self._perform_all()
            if not self._over:
                self._arm()
        except Exception as error:  # noqa: BLE001 - sockets, timers and tasks come in here: the root of all
            self._owner.broke(error)

    def _perform_all(self) -> None:
        """Perform what is wanted in its order, until nothing is.

        Performing one effect can bring new ones, or end the leg; then the rest no longer matters. The owner
        may come back with an input while one is performed: what that brings waits for its turn here, so
        that, say, the order to speak does not overtake the history that it is about.
        """
        if self._performing:
            return
        self._performing = True
        try:
            while not self._over and (wanted := self.session.effects()):
                for effect in wanted:
                    self._perform(effect)
        finally:
            self._performing = False

    def _perform(self, effect: e.Effect) -> None:
        if self._over or (self._silenced and isinstance(effect, e.PlayAudio | e.FinishItem)):
            return
        match effect:
            case e.PlayAudio(item_id, audio):
                self._spoke_in_this_response = True
                self._items.play(item_id, audio)
            case e.Send(data):
                if self._connection is not None:
                    self._connection.send_soon(data)
            case e.FinishItem(item_id):
                self._items.finish(item_id)
            case e.FlushPlayout():
                played = self._empty_lane()
                heard = [e.Played(item.item_id, item.played_ms) for item in played]
                self.session.flushed(heard, self._loop.time())
            case e.CallerSpeaking(started=True):
                self._owner.session_effect(effect)
                self._stop_leftovers()
            case e.RunTool():
                self._run_tool(effect)
            case e.Configured():
                self._begin(effect)
            case e.ResponseFinished():
                self._spoke_in_this_response = False
                self._owner.session_effect(effect)
                self._owner.speech_may_be_over()
            case e.AgentSilent() | e.SessionLost() | e.SessionFailed():
                self._give_up(effect)
            case _:
                self._owner.session_effect(effect)

    def _give_up(self, effect: e.AgentSilent | e.SessionLost | e.SessionFailed) -> None:
        match effect:
            case e.AgentSilent(_, sentence):
                self._owner.agent_silent(sentence)
            case e.SessionLost(retryable, code, reason):
                sentence = f"The model server closed the socket: {code} {reason}".strip()
                self._lose(retryable=retryable, sentence=sentence)
            case e.SessionFailed(_, sentence, retryable):
                self._lose(retryable=retryable, sentence=sentence)

    def _begin(self, effect: e.Configured) -> None:
        self._configured = True
        if effect.expires_at is not None:
            self.session.expires_in(effect.expires_at - time.time(), self._loop.time())
        for audio in self._unheard:
            self.append(audio)
        self._unheard.clear()
        self._owner.session_effect(effect)
        self._owner.model_ready()

    def _empty_lane(self) -> list[Played]:
        played = self._items.flush()
        if played:
            self._owner.caller_spoke(time.monotonic() - self._entered_at)
        return played

    def _stop_leftovers(self) -> None:
        """Stop what a session before this one had to say, which this session knows nothing about.

        Of its own items behind them, nothing was heard: that is what the next flush will tell.
        """
        if not self._over and self._items.are_behind_others():
            self._empty_lane()

    def _run_tool(self, order: e.RunTool) -> None:
        ability = self._abilities.get(order.name)
        if ability is not None:
            answer = functools.partial(self._tool_finished, order.call_id)
            ability.carry_out(Order(order.arguments, self._spoke_in_this_response, answer))
            return
        self._owner.session_effect(order)
        self._start(functools.partial(self._tool, order))

    def _tool_finished(self, call_id: str, output: str, *, respond: bool = True) -> None:
        self._do(lambda now: self.session.tool_finished(call_id, output, now, respond=respond))

    async def _tool(self, order: e.RunTool) -> None:
        output = await self._run_function(order.name, order.arguments)
        self._tool_finished(order.call_id, output)

    def _lose(self, *, retryable: bool, sentence: str, wait: float = 0.0) -> None:
        if not self._over:
            self.close()
            self._owner.model_lost(retryable=retryable, sentence=sentence, wait=wait)

    def _arm(self) -> None:
        """See to it that `_wake` runs at the deadline. Every delta moves it; then the timer rings early."""
        deadline = self.session.deadline()
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._do(self.session.wake)

    def _start(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        task = self._loop.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - a task root: the call ends, the worker goes on
            self._owner.broke(error)
