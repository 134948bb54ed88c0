"""The journals of a worker's calls, where records are kept: opened, written, and sent when a call is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import structlog

from talkpath.bridge.records.journal import Journal
from talkpath.bridge.records.ladder import MAIN, model_did, second_leg, sip_heard, sip_told
from talkpath.bridge.records.report import full_call, messages_of
from talkpath.sip import messages as m
from talkpath.sip.addresses import join_host_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.records import RecordsConfig
    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.realtime.effects import Effect
    from talkpath.bridge.records.ladder import Note

log = structlog.get_logger(__name__)


def message_call(message: m.Message) -> str:
    """The call that a message is about; empty: none."""
    return getattr(message, "call", "")


class _Open(NamedTuple):
    journal: Journal
    record: CallRecord

    def note(self, dialog: str) -> Note:
        """Where steps of a dialog are noted: the caller's own, or the second one."""
        return self.journal.moment if dialog == self.record.call else second_leg(self.journal)


class CallJournals:
    """One journal per call; none at all when records are off.

    Args:
        settings: The ``[records]`` section.
        send: Sends a message to the supervisor.
        clock: Monotonic seconds.
        traced: Somebody wants the reports, whether records are kept or not.
    """

    def __init__(
        self,
        settings: RecordsConfig,
        send: Callable[[m.Message], None],
        clock: Callable[[], float],
        *,
        traced: bool = False,
    ) -> None:
        self._settings = settings
        self._traced = traced
        self._send = send
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def __len__(self) -> int:
        """Journals that are open."""
        return len(self._open)

    def use(self, settings: RecordsConfig) -> None:
        """Take other settings for the calls that begin from now on."""
        self._settings = settings

    def begin(self, record: CallRecord) -> None:
        """A call begins."""
        record.started_at = datetime.now(UTC)
        if not (self._settings.database or self._traced):
            return
        settings = self._settings
        journal = Journal(self._clock, transcripts=settings.transcripts, arguments=settings.tool_arguments)
        inbound = record.direction == "inbound"
        journal.leg(MAIN, "caller" if inbound else "callee", sip_call_id=record.sip_call_id)
        record.journal = journal
        self._open[record.call] = _Open(journal, record)

    def consult(self, order: m.PlaceCall) -> None:
        """A call of ours is placed: when it is the second leg of an open call, its steps belong there.

        Second legs are named after their call, with a dash and what tells them apart.
        """
        one = self._open.get(order.call.rpartition("-")[0])
        if one is not None and order.call not in self._open:
            self._open[order.call] = one
            one.journal.leg(order.call, "consult")

    def heard(self, call: str, message: m.AnyMessage) -> None:
        """The SIP process says something about a call."""
        one = self._open.get(call)
        if one is not None:
            sip_heard(one.note(call), message)
            if call != one.record.call:
                self._leg(one.journal, call, message)
            elif isinstance(message, m.CallConfirmed) and one.record.answered_at is None:
                one.record.answered_at = datetime.now(UTC)

    def told(self, message: m.Message) -> None:
        """The worker says something to the SIP process."""
        if isinstance(message, m.PlaceCall):
            self.consult(message)
        one = self._open.get(message_call(message))
        if one is not None:
            sip_told(one.note(message_call(message)), message)

    @staticmethod
    def _leg(journal: Journal, leg: str, message: m.AnyMessage) -> None:
        """Keep the facts of a second leg; those of the first are in the books of the call."""
        match message:
            case m.MediaUpdated(media=media):
                remote = join_host_port(media.remote_address, media.remote_port)
                journal.leg(leg, "consult", codec=media.codec, remote=remote)
            case m.CallConfirmed():
                journal.leg(leg, "consult", answered=journal.now)
            case m.CallEnded(status=status, reason=reason):
                journal.leg(leg, "consult", ended=journal.now, sip_status=status, reason=reason)
            case _:
                pass

    def effect(self, call: str, effect: Effect) -> None:
        """A session with the model did something."""
        one = self._open.get(call)
        if one is not None:
            model_did(one.journal, effect)

    def tool_ended(self, call: str, name: str, outcome: str) -> None:
        """A function of an agent has returned, or failed."""
        one = self._open.get(call)
        if one is not None:
            one.journal.tool_ends(name, outcome)

    def finish(self, record: CallRecord) -> None:
        """A call is over: send its report."""
        one = self._open.get(record.call)
        if one is None:
            return
        for leg in [name for name, other in self._open.items() if other is one]:
            del self._open[leg]
        ended_at = datetime.now(UTC)
        for message in messages_of(full_call(record, record.started_at or ended_at, ended_at)):
            self._send(message)
