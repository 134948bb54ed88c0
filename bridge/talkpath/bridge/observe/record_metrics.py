"""The part of the catalogue about call records."""

from __future__ import annotations

from .catalogue import Catalogue


class RecordMetrics(Catalogue):
    """Metrics of the records, by attribute; `.metrics.Metrics` has them among its own."""

    def _define_records(self) -> None:
        self.records_stored = self._counter("records_stored", "Call records that were stored.", [])
        self.records_failed = self._counter(
            "records_failed",
            "Call records that were given up.",
            ["cause"],
            "queue_full: the database was away for too long. The record_lost log lines name the calls; their "
            "call_ended lines have the facts.",
        )
        self.records_retries = self._counter(
            "records_retries",
            "Attempts to write call records that failed; they are tried again, and calls go on.",
            ["cause"],
            "locked: somebody else writes for long. disk_full, no_permission, unreachable, schema: what it "
            "says; records_not_written in the log has the sentence, and what to do.",
        )
        self.records_pruned = self._counter(
            "records_pruned", "Call records deleted because of their age.", []
        )
        self.records_queued = self._gauge(
            "records_queued",
            "Call records that wait to be written.",
            [],
            "livemostrecent",
            "Growing: the database is too slow or away; at 5000 records are lost.",
        )
