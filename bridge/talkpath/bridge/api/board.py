"""The live calls as the supervisor knows them: messages of the workers in, events out. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from talkpath.sip import messages as m

from . import events as ev
from .models import Call, Line, LiveCall, Quality, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINES: Final = 300
"""Utterances that are kept of a live call; its record has all."""
MAX_TEXT: Final = 4000
"""Characters of one utterance."""
TALKING: Final = frozenset(
    {"listening", "talking", "asking", "recovering", "goodbye", "time_up", "transferring", "held", "fallback"}
)


@dataclass(slots=True)
class _Entry:
    began: m.CallBegan
    process: str
    state: str = "preparing"
    codec: str = ""
    answered_at: float | None = None
    turns: int = 0
    latency: float | None = None
    interruptions: int = 0
    speaking: bool = False
    quality: Quality = field(default_factory=Quality)
    transfer: Transfer | None = None
    debug: bool = False
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MAX_LINES))

    def call(self) -> Call:
        """The entry as the world sees it."""
        began = self.began
        return Call(
            id=began.call,
            sip_call_id=began.sip_call_id,
            state=self.state,
            direction=began.direction,
            trunk=began.trunk,
            agent=began.agent,
            model=began.model,
            caller=began.caller.value,
            called=began.called.value,
            codec=self.codec,
            process=self.process,
            started_at=moment(began.at),
            answered_at=None if self.answered_at is None else moment(self.answered_at),
            turns=self.turns,
            latency_ms=None if self.latency is None else round(self.latency * 1000, 1),
            interruptions=self.interruptions,
            caller_speaking=self.speaking,
            quality=self.quality,
            transfer=self.transfer,
            debug=self.debug,
        )

    def live_call(self) -> LiveCall:
        """The same with what was said."""
        return LiveCall(**dict(self.call()), transcript=tuple(self.lines))


class Board:
    """Keeps the live calls; `take` what a process says, and pass on what it returns."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        """Calls that live."""
        return len(self._entries)

    def calls(self) -> tuple[Call, ...]:
        """The live calls, the oldest first."""
        return tuple(entry.call() for entry in self._entries.values())

    def live_calls(self) -> tuple[LiveCall, ...]:
        """The same with what was said."""
        return tuple(entry.live_call() for entry in self._entries.values())

    def live_call(self, call: str) -> LiveCall | None:
        """One of them."""
        entry = self._entries.get(call)
        return entry.live_call() if entry else None

    def process_of(self, call: str) -> str | None:
        """The worker that has a call; None: it does not live."""
        entry = self._entries.get(call)
        return entry.process if entry else None

    def debug(self, call: str, *, on: bool) -> ev.CallChanged | None:
        """Everything about a call is logged, or no longer; None: that was so before."""
        entry = self._entries.get(call)
        if entry is None or entry.debug == on:
            return None
        entry.debug = on
        return ev.CallChanged(what="debug", call=entry.call())

    def take(self, process: str, message: m.Message) -> ev.Event | None:
        """Take a message of a worker; None: it changes nothing that anybody is told."""
        match message:
            case m.CallBegan(call=call):
                entry = self._entries[call] = _Entry(message, process, debug=message.debug)
                return ev.CallStarted(call=entry.call())
            case m.CallOver(call=call):
                return _ended(message) if self._entries.pop(call, None) else None
            case m.Figures():
                return self._figures(message)
            case m.LiveMessage(call=call) if call in self._entries:
                return self._change(self._entries[call], message)
            case _:
                return None

    def lose(self, process: str, at: float) -> Iterator[ev.CallEnded]:
        """A worker died, and its calls with it."""
        for call in [call for call, entry in self._entries.items() if entry.process == process]:
            answered = self._entries.pop(call).answered_at
            yield ev.CallEnded(
                call=call,
                at=moment(at),
                outcome="failed",
                cause="worker_lost",
                ended_by="failure",
                reason=f"{process} died",
                sip_status=0,
                talk_seconds=0.0 if answered is None else round(at - answered, 3),
                transfer="",
                transfer_target="",
                answered_by="",
                recording=False,
            )

    # Inside ---------------------------------------------------------------------------------------

    def _change(self, entry: _Entry, message: m.LiveMessage) -> ev.Event | None:
        match message:
            case m.CallState(state=state, at=at):
                entry.state = state
                if state in TALKING and entry.answered_at is None:
                    entry.answered_at = at
                return ev.CallChanged(what="state", call=entry.call())
            case m.CallMedia(codec=codec):
                entry.codec = codec
                return ev.CallChanged(what="media", call=entry.call())
            case m.TurnTaken(latency=latency):
                entry.turns, entry.latency = entry.turns + 1, latency
                return ev.CallChanged(what="turn", call=entry.call())
            case m.BargedIn():
                entry.interruptions += 1
                return ev.CallChanged(what="interruption", call=entry.call())
            case m.TransferStep(state=state, account=account):
                entry.transfer = Transfer(state=state, **msgspec.to_builtins(account))
                return ev.CallChanged(what="transfer", call=entry.call())
            case m.CallerSpoke(speaking=speaking):
                entry.speaking = speaking
                return ev.CallerSpoke(call=message.call, speaking=speaking)
            case m.ToolCalled(tool=tool, at=at):
                return ev.ToolCalled(call=message.call, at=moment(at), tool=tool)
            case m.Said():
                return ev.CallSaid(call=message.call, line=_said(entry, message))
            case _:
                return None

    def _figures(self, message: m.Figures) -> ev.Figures:
        told = []
        for one in message.calls:
            entry = self._entries.get(one.call)
            if entry is None:
                continue
            quality = None
            if one.mos is not None or one.jitter_ms is not None:
                quality = entry.quality = Quality(
                    mos=one.mos,
                    loss_percent=one.loss_percent,
                    jitter_ms=one.jitter_ms,
                    round_trip_ms=one.round_trip_ms,
                )
            told.append(
                ev.Figure(
                    call=one.call,
                    caller_level=one.caller_level,
                    agent_level=one.agent_level,
                    quality=quality,
                )
            )
        return ev.Figures(calls=tuple(told))


def _said(entry: _Entry, piece: m.Said) -> Line:
    """Put a piece to the utterance that it belongs to, which is among the last ones."""
    for back, line in enumerate(reversed(entry.lines)):
        if line.item == piece.item and line.who == piece.who:
            text = piece.text.value if piece.final else line.text + piece.text.value
            whole = line.model_copy(update={"text": text[:MAX_TEXT], "final": line.final or piece.final})
            entry.lines[-1 - back] = whole
            return whole
        if back >= 8:
            break
    line = Line(
        at=moment(piece.at),
        who=piece.who,
        item=piece.item,
        text=piece.text.value[:MAX_TEXT],
        final=piece.final,
    )
    entry.lines.append(line)
    return line


def _ended(message: m.CallOver) -> ev.CallEnded:
    return ev.CallEnded(
        call=message.call,
        at=moment(message.at),
        outcome=message.outcome,
        cause=message.cause,
        ended_by=message.ended_by,
        reason=message.reason,
        sip_status=message.sip_status,
        talk_seconds=message.talk,
        transfer=message.transfer,
        transfer_target=message.transfer_target,
        answered_by=message.answered_by,
        recording=bool(message.recording),
    )


def moment(at: float) -> datetime:
    """Unix seconds as a point in time, to the millisecond."""
    return datetime.fromtimestamp(round(at, 3), UTC)
