"""The supervisor's side of the records: takes reports from the workers and hands them to the writer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from .report import Assembly
from .store import Store
from .writer import RecordWriter

if TYPE_CHECKING:
    from talkpath.bridge.config.records import RecordsConfig
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.sip import messages as m

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

    def start(self) -> None:
        """Begin to take reports."""
        self._writer.start()

    def take(self, process: str, message: m.CallReport) -> None:
        """Take a piece of a report."""
        try:
            body = self._assembly.take(process, message)
        except ValueError as problem:
            self._writer.lost(message.call, "incomplete", str(problem))
            return
        if body is not None:
            self._writer.submit(message.call, body)

    def process_lost(self, process: str) -> None:
        """A worker died: what it had begun to report stays incomplete."""
        for call in self._assembly.forget(process):
            self._writer.lost(call, "incomplete", f"{process} died while it reported the call")

    async def stop(self) -> None:
        """Store what waits, and end."""
        await asyncio.to_thread(self._writer.stop, FLUSH_PATIENCE)
