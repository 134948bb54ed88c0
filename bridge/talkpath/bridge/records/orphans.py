"""Records of calls that no worker can report: their worker died, or none was there to take them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from talkpath.sip.addresses import user_part

from .rows import Call, FullCall, Moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from talkpath.sip import messages as m

MAX_OPEN: Final = 20_000
"""Calls that may be open at once; beyond that the oldest are forgotten here, and only here."""


class _Known(NamedTuple):
    invite: m.IncomingCall
    at: datetime


class OrphanedCalls:
    """Remembers who calls until the worker's report is there, and makes the report when it will not come."""

    def __init__(self) -> None:
        self._open: dict[str, _Known] = {}

    def __len__(self) -> int:
        """Calls that are waited for."""
        return len(self._open)

    def came(self, invite: m.IncomingCall, now: datetime) -> None:
        """A call came in."""
        self._open[invite.call] = _Known(invite, now)
        if len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]

    def reported(self, call: str) -> None:
        """Its worker reports it."""
        self._open.pop(call, None)

    def refused(self, message: m.Reject, now: datetime) -> FullCall | None:
        """The call was refused before any worker knew of it."""
        known = self._open.pop(message.call, None)
        if known is None:
            return None
        cause = "draining" if message.status == 503 and "shutting down" in message.reason else "no_capacity"
        full = _record(known, now, outcome="refused", cause=cause, reason=message.reason)
        full.call.ended_by, full.call.sip_status = "us", message.status
        step = Moment(at=_seconds(known, now), party="sip", direction="out", name=str(message.status))
        full.moments.append(step)
        return full

    def worker_lost(self, calls: Sequence[str], now: datetime) -> list[FullCall]:
        """A worker died with these calls."""
        found = [known for known in (self._open.pop(call, None) for call in calls) if known is not None]
        reason = "The worker process that carried the call died; the log says how."
        lost = [_record(known, now, outcome="failed", cause="worker_lost", reason=reason) for known in found]
        for known, full in zip(found, lost, strict=True):
            full.call.ended_by = "failure"
            full.moments.append(Moment(at=_seconds(known, now), party="call", name="worker process lost"))
        return lost


def _record(known: _Known, now: datetime, **facts: Any) -> FullCall:
    invite = known.invite
    call = Call(
        id=invite.call,
        sip_call_id=invite.sip_call_id,
        trunk=invite.trunk,
        caller=user_part(invite.from_uri),
        called=user_part(invite.request_uri),
        started_at=known.at,
        ended_at=now,
        **facts,
    )
    invited = Moment(at=0.0, party="sip", direction="in", name="INVITE", detail=f"from {invite.source}")
    return FullCall(call=call, moments=[invited])


def _seconds(known: _Known, now: datetime) -> float:
    return round((now - known.at).total_seconds(), 4)
