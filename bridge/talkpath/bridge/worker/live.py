"""What a worker tells the supervisor about its live calls, for the control API, webhooks and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from talkpath.bridge.call.quality import voice_quality
from talkpath.bridge.observe.logs import DEBUGGED
from talkpath.bridge.realtime import effects as e
from talkpath.sip import messages as m

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from talkpath.bridge.media.plane import MediaPlane
    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.realtime.effects import Effect

LEVELS_EVERY: Final = 0.25
"""Seconds between two looks at the levels while somebody watches."""
QUALITY_EVERY: Final = 8
"""Looks at the levels for one at the quality, which costs more."""
QUALITY: Final = ("mos", "loss_percent", "jitter_ms", "round_trip_ms")
BATCH: Final = 400
"""Calls in one message of figures, which is then some 60 KB long."""
MAX_TEXT: Final = 4000
"""Characters of what is said in one message."""


class Lane(NamedTuple):
    """Where a live call's media are."""

    record: CallRecord
    lane: int


class LiveView:
    """Tells about the calls of a worker; an audience of `talkpath.bridge.call.audience`.

    Args:
        send: Sends a message to the supervisor.
        clock: Unix seconds.
        loop: Its timer paces the figures.
        plane: Has levels and quality of the lanes.
        lanes: The calls that have a lane now.
    """

    def __init__(
        self,
        send: Callable[[m.Message], None],
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        plane: MediaPlane,
        lanes: Callable[[], Iterable[Lane]],
    ) -> None:
        self._send = send
        self._clock = clock
        self._loop = loop
        self._plane = plane
        self._lanes = lanes
        self._timer: asyncio.TimerHandle | None = None
        self._looks = 0

    @property
    def watched(self) -> bool:
        """Whether somebody watches."""
        return self._timer is not None

    def watch(self, *, on: bool) -> None:
        """Begin to tell the figures and every piece of what is said, or end that."""
        if on == self.watched:
            return
        self._plane.tap.watch(watched=on)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if on:
            self._timer = self._loop.call_later(LEVELS_EVERY, self._tell_figures)

    def began(self, record: CallRecord) -> None:
        """A call exists and has an agent."""
        self._send(
            m.CallBegan(
                call=record.call,
                at=self._clock(),
                direction=record.direction,
                sip_call_id=record.sip_call_id,
                trunk=record.trunk,
                agent=record.agent,
                model=record.model,
                caller=m.Secret(record.caller),
                called=m.Secret(record.called),
                debug=record.call in DEBUGGED,
            )
        )

    def over(self, record: CallRecord) -> None:
        """A call has ended."""
        self._send(
            m.CallOver(
                call=record.call,
                at=self._clock(),
                outcome=record.outcome,
                cause=record.cause,
                ended_by=record.ended_by,
                reason=record.reason,
                sip_status=record.sip_status,
                talk=round(record.talk, 3),
                turns=record.turns,
                transfer=record.transfer,
                transfer_target=record.transfer_target,
                answered_by=record.answered_by,
                recording=record.recording,
            )
        )

    # Audience -------------------------------------------------------------------------------------

    def state(self, call: str, state: str) -> None:
        """The call is in another state."""
        self._send(m.CallState(call=call, at=self._clock(), state=state))

    def media(self, call: str, codec: str) -> None:
        """Media was negotiated."""
        self._send(m.CallMedia(call=call, at=self._clock(), codec=codec))

    def turn(self, call: str, latency: float) -> None:
        """The agent is heard, so long after the caller's last word."""
        self._send(m.TurnTaken(call=call, at=self._clock(), latency=round(latency, 4)))

    def interrupted(self, call: str, stopped_after: float) -> None:
        """The caller interrupted the agent."""
        self._send(m.BargedIn(call=call, at=self._clock(), stopped_after=round(stopped_after, 4)))

    def transfer(self, call: str, state: str, account: m.TransferAccount) -> None:
        """A transfer took a step."""
        step = m.TransferStep(
            call=call, at=self._clock(), target=account.target, state=state, account=account
        )
        self._send(step)

    def effect(self, call: str, effect: Effect) -> None:
        """The session with the model did something."""
        match effect:
            case e.Transcript(role, item, text, final) if final or self.watched:
                self._send(
                    m.Said(
                        call=call,
                        at=self._clock(),
                        who=role,
                        item=item,
                        text=m.Secret(text[:MAX_TEXT]),
                        final=final,
                    )
                )
            case e.CallerSpeaking(started, _) if self.watched:
                self._send(m.CallerSpoke(call=call, at=self._clock(), speaking=started))
            case e.RunTool(_, name, _):
                self._send(m.ToolCalled(call=call, at=self._clock(), tool=name[:100]))
            case _:
                pass

    # Figures --------------------------------------------------------------------------------------

    def _tell_figures(self) -> None:
        self._timer = self._loop.call_later(LEVELS_EVERY, self._tell_figures)
        self._looks += 1
        figures = tuple(self._figures(with_quality=self._looks % QUALITY_EVERY == 1))
        for start in range(0, len(figures), BATCH):
            self._send(m.Figures(calls=figures[start : start + BATCH]))

    def _figures(self, *, with_quality: bool) -> Iterator[m.CallFigures]:
        for record, lane in self._lanes():
            caller, agent = self._plane.tap.meter.read(lane)
            quality: dict[str, float | None] = {}
            if with_quality and record.codec:
                rated = voice_quality(self._plane.statistics(lane), record.codec)
                quality = {name: rated[name] for name in QUALITY}
            yield m.CallFigures(call=record.call, caller_level=caller, agent_level=agent, **quality)
