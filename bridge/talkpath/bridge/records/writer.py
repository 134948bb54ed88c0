"""The one thread that writes call records: takes reports from a bounded queue, tries again, prunes daily.

The event loop only puts reports into the queue. What the database does, waits or refuses is the thread's
business: calls go on. Nothing is lost silently: what cannot be stored is counted and logged with its call.
"""

from __future__ import annotations

import collections
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from . import report
from .problems import CAUSES, RecordsError
from .redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.records import RecordsConfig
    from talkpath.bridge.observe.metrics import Metrics

    from .problems import Cause
    from .rows import FullCall
    from .store import Store

log = structlog.get_logger(__name__)

MAX_QUEUED: Final = 5_000
MAX_QUEUED_OCTETS: Final = 64 * 1024 * 1024
"""Reports that wait while the database does not answer: hours of a quiet site, minutes of a busy one."""
BATCH: Final = 50
"""Calls saved in one transaction at most."""
GATHER: Final = 0.2
"""Seconds that a report waits for others: ten in one transaction cost a quarter of ten transactions."""
FIRST_BACKOFF: Final = 0.5
LONGEST_BACKOFF: Final = 30.0
PRUNE_EVERY: Final = 86_400.0
REMIND_EVERY: Final = 60.0
"""Seconds after which a trouble that lasts is logged again."""
HOPELESS: Final = frozenset({"rejected"})
"""Causes that another try does not cure."""
REOPENED: Final = frozenset({"replaced", "damaged"})
"""Causes after which the next try is made with the file that is there then."""

_Waiting = tuple[str, bytes]
"""Id of the call, and its encoded report."""


class RecordWriter:
    """Stores reports, from `start` to `stop`.

    Args:
        settings: The ``[records]`` section, with a database.
        metrics: Where records are counted.
        open_store: Opens the database.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: RecordsConfig,
        metrics: Metrics,
        open_store: Callable[[str], Store],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        for cause in CAUSES:  # alerts look at their increase, which begins at zero
            metrics.records_failed.labels(cause)
            metrics.records_retries.labels(cause)
        self._open_store = open_store
        self._clock = clock
        self._redactor = Redactor(digits=settings.redact_digits, patterns=settings.redact)
        self._store: Store | None = None
        self._queue: collections.deque[_Waiting] = collections.deque()
        self._octets = 0
        self._in_hand = 0
        self._news = threading.Condition()
        self._stopping = False
        self._give_up_at = float("inf")
        self._next_prune = 0.0
        self._broken = False
        self._trouble: Cause | None = None
        self._told_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)

    # From the event loop --------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; it opens the database at once, so that a wrong URL is seen at once."""
        self._thread.start()

    def submit(self, call: str, body: bytes) -> bool:
        """Queue a report; False: there is no room, and it is counted as lost. Never waits for the disk."""
        if self._broken:
            self.lost(call, "database", "the thread that writes has ended, see records_broke")
            return False
        with self._news:
            fits = len(self._queue) < MAX_QUEUED and self._octets + len(body) <= MAX_QUEUED_OCTETS
            if fits:
                self._queue.append((call, body))
                self._octets += len(body)
                self._news.notify()
        self._show_waiting()
        if not fits:
            self.lost(call, "queue_full", "the queue is full: the database is too slow, or does not answer")
        return fits

    def lost(self, call: str, cause: Cause, problem: str) -> None:
        """A record will not be stored: count it, and say which."""
        self._metrics.records_failed.labels(cause).inc()
        log.error("record_lost", call=call, cause=cause, problem=problem)

    def stop(self, patience: float) -> None:
        """Store what waits, for at most ``patience`` seconds, and end the thread. Blocks."""
        with self._news:
            self._stopping = True
            self._give_up_at = self._clock() + patience
            self._news.notify()
        self._thread.join(patience + 10.0)

    # The thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._finished():
                self._work()
        except Exception:  # a thread root: without it, records would end in silence
            self._broken = True
            self._metrics.internal_errors.labels("records").inc()
            log.exception("records_broke")
        for call, _ in self._take(MAX_QUEUED):
            self.lost(call, "shutdown", "the database did not take it before the daemon ended")
        if self._store is not None:
            self._store.close()

    def _finished(self) -> bool:
        with self._news:
            return self._stopping and (not self._queue or self._clock() >= self._give_up_at)

    def _work(self) -> None:
        """Open the database, prune, store one batch; or wait for the next thing to do."""
        if self._store is None and not self._persist(self._open):
            return
        if self._clock() >= self._next_prune and not self._stopping:
            self._prune()
        with self._news:
            if not self._queue and not self._stopping:
                self._news.wait(max(self._next_prune - self._clock(), 0.0))
            if self._queue:
                self._news.wait_for(lambda: self._stopping or len(self._queue) >= BATCH, GATHER)
        batch = self._take(BATCH)
        if batch:
            self._save(batch)

    def _open(self) -> Store:
        store = self._store = self._open_store(self._settings.database)
        log.info("records_open", database=store.name)
        return store

    def _take(self, most: int) -> list[_Waiting]:
        with self._news:
            batch = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
            self._octets -= sum(len(body) for _, body in batch)
        self._in_hand = len(batch)
        self._show_waiting()
        return batch

    def _waiting(self) -> int:
        """Records that are not stored yet, those that are being tried, too."""
        return len(self._queue) + self._in_hand

    def _show_waiting(self) -> None:
        self._metrics.records_queued.set(self._waiting())

    def _save(self, batch: list[_Waiting]) -> None:
        try:
            self._try_to_save(batch)
        except Exception:
            for call, _ in batch:
                self.lost(call, "database", "our own code failed, see records_broke")
            raise
        finally:
            self._in_hand = 0
            self._show_waiting()

    def _try_to_save(self, batch: list[_Waiting]) -> None:
        finished = [full for full in (self._prepared(call, body) for call, body in batch) if full is not None]
        if not finished:
            return
        if not self._persist(lambda: self._save_all(finished)):
            for full in finished:
                self.lost(full.call.id, "shutdown", "the database did not take it before the daemon ended")

    def _prepared(self, call: str, body: bytes) -> FullCall | None:
        """The report, read and cleaned of what must not be stored."""
        try:
            return self._redactor.call(report.decode(body))
        except msgspec.MsgspecError as error:
            self.lost(call, "malformed", f"its report cannot be read: {error}")
            return None

    def _save_all(self, finished: list[FullCall]) -> None:
        """Save a batch; when the database rejects it, save what it does not reject.

        Raises:
            RecordsError: The database failed in a way that may pass.
        """
        store = self._store or self._open()
        try:
            store.save(finished)
        except RecordsError as error:
            if error.cause in REOPENED:
                store.close()
                self._store = None
            if error.cause not in HOPELESS:
                raise
            if len(finished) == 1:
                self.lost(finished[0].call.id, error.cause, str(error))
                return
            for full in finished:
                self._save_all([full])
            return
        self._metrics.records_stored.inc(len(finished))

    def _prune(self) -> None:
        self._next_prune = self._clock() + PRUNE_EVERY
        retention = self._settings.retention
        if not retention or self._store is None:
            return
        try:
            deleted = self._store.prune(datetime.now(UTC) - timedelta(seconds=retention))
        except RecordsError as error:
            self._note_trouble(error)
            return
        if deleted:
            self._metrics.records_pruned.inc(deleted)
            log.info("records_pruned", calls=deleted)

    # Trouble --------------------------------------------------------------------------------------

    def _persist(self, attempt: Callable[[], object]) -> bool:
        """Try until it works; False: the daemon ends first."""
        wait = FIRST_BACKOFF
        while True:
            try:
                attempt()
            except RecordsError as error:
                self._note_trouble(error)
            else:
                self._note_success()
                return True
            with self._news:
                if self._stopping and self._clock() >= self._give_up_at:
                    return False
                self._news.wait(min(wait, max(self._give_up_at - self._clock(), 0.0)))
            wait = min(wait * 2, LONGEST_BACKOFF)

    def _note_trouble(self, error: RecordsError) -> None:
        self._metrics.records_retries.labels(error.cause).inc()
        now = self._clock()
        if error.cause != self._trouble or now - self._told_at >= REMIND_EVERY:
            log.error("records_not_written", cause=error.cause, problem=str(error), waiting=self._waiting())
            self._trouble, self._told_at = error.cause, now

    def _note_success(self) -> None:
        if self._trouble is not None:
            log.info("records_written_again", after=self._trouble)
            self._trouble = None
