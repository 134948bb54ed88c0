"""The supervisor's side of the records: takes reports from the workers and hands them to the writer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from talkpath.sip import messages as m

from .orphans import OrphanedCalls
from .report import Assembly, encode
from .store import Store
from .writer import RecordWriter

if TYPE_CHECKING:
    from talkpath.bridge.config.records import RecordsConfig
    from talkpath.bridge.observe.metrics import Metrics

    from .rows import FullCall

SUPERVISOR: Final = "supervisor"
"""Name under which the supervisor tells what it has refused itself."""
FLUSH_PATIENCE: Final = 5.0
"""Seconds that the database gets at the end of the daemon for what still waits."""


class RecordKeeper:
    """Reports in, records out.

    Args:
        settings: The ``[records]`` section, with a database.
        metrics: The supervisor's.
    """

    def __init__(self, settings: RecordsConfig, metrics: Metrics) -> None:
        self._writer = RecordWriter(settings, metrics, Store)
        self._assembly = Assembly()
        self._orphans = OrphanedCalls()

    def start(self) -> None:
        """Begin to take reports."""
        self._writer.start()

    def message(self, process: str, message: m.Message) -> None:
        """See what comes from a process; most of it is none of our business."""
        match message:
            case m.IncomingCall():
                self._orphans.came(message, datetime.now(UTC))
            case m.CallReport():
                self._take(process, message)
            case m.Reject() if process == SUPERVISOR:
                full = self._orphans.refused(message, datetime.now(UTC))
                if full is not None:
                    self._submit(full)
            case m.PeerLost(who="worker", calls=calls):
                self._worker_lost(process, calls)
            case _:
                pass

    def _take(self, process: str, message: m.CallReport) -> None:
        self._orphans.reported(message.call)
        try:
            body = self._assembly.take(process, message)
        except ValueError as problem:
            self._writer.lost(message.call, "incomplete", str(problem))
            return
        if body is not None:
            self._writer.submit(message.call, body)

    def _worker_lost(self, process: str, calls: tuple[str, ...]) -> None:
        for call in self._assembly.forget(process):
            self._writer.lost(call, "incomplete", f"{process} died while it reported the call")
        for full in self._orphans.worker_lost(calls, datetime.now(UTC)):
            self._submit(full)

    def _submit(self, full: FullCall) -> None:
        self._writer.submit(full.call.id, encode(full))

    async def stop(self) -> None:
        """Store what waits, and end."""
        await asyncio.to_thread(self._writer.stop, FLUSH_PATIENCE)
