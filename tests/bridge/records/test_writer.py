"""The thread that writes: patience with the database, none with the calls' loop."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.config.records import RecordsConfig
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.records import writer as module
from talkpath.bridge.records.keeper import RecordKeeper
from talkpath.bridge.records.problems import RecordsError
from talkpath.bridge.records.read import Records
from talkpath.bridge.records.report import messages_of
from talkpath.bridge.records.store import Store
from talkpath.bridge.records.writer import RecordWriter
from talkpath.sip import messages as m
from tests.bridge.records.calls import full_call
from tests.harness.metrics import counted
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from talkpath.bridge.records.problems import Cause
    from talkpath.bridge.records.rows import FullCall


def settings_of(url: str, **more: Any) -> RecordsConfig:
    """The section as a file would have it."""
    return RecordsConfig.model_validate({"url": url, **more})


class FakeStore:
    """A database that fails as told, and notes what it took."""

    name = "fake"

    def __init__(self, failures: list[Cause], rejects: str = "") -> None:
        self.failures, self.rejects = failures, rejects
        self.saved: list[str] = []
        self.pruned: list[datetime] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def save(self, finished: list[FullCall]) -> None:
        self.go_on.wait(10)
        if self.failures:
            raise RecordsError(self.failures.pop(0), "no luck")
        if any(full.call.id == self.rejects for full in finished):
            raise RecordsError("rejected", "cannot be")
        self.saved += [full.call.id for full in finished]

    def prune(self, before: datetime) -> int:
        self.pruned.append(before)
        return 3

    def close(self) -> None:
        self.saved.append("closed")


class Bench:
    """A writer on a fake database."""

    def __init__(self, store: FakeStore, **settings: Any) -> None:
        self.store, self.metrics = store, Metrics()
        config = settings_of("sqlite:////unused", **settings)
        self.writer = RecordWriter(config, self.metrics, self.open)
        self.opened = 0

    def open(self, url: str) -> Any:
        assert url == "sqlite:////unused"
        self.opened += 1
        return self.store

    def submit(self, *names: str) -> None:
        for name in names:
            body = b"".join(message.body for message in messages_of(full_call(name)))
            self.writer.submit(name, body)

    def value(self, name: str, **labels: str) -> float:
        return counted(self.metrics.registry, f"records_{name}", **labels)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF", 0.01)
    monkeypatch.setattr(module, "GATHER", 0.01)


def test_reports_that_come_together_are_saved_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER", 30.0)
    batches: list[int] = []

    class Counting(FakeStore):
        def save(self, finished: list[FullCall]) -> None:
            batches.append(len(finished))
            super().save(finished)

    bench = Bench(Counting([]))
    bench.writer.start()
    wait_until(lambda: bench.opened == 1, "the database to be opened")
    names = [f"c-{number}" for number in range(module.BATCH + 3)]
    for name in names:
        bench.submit(name)
    wait_until(lambda: len(bench.store.saved) == module.BATCH, "a full batch")
    bench.writer.stop(5)  # the rest does not wait out its time
    assert bench.store.saved == [*names, "closed"]
    assert batches == [module.BATCH, 3]


def test_what_waits_is_stored_before_the_end() -> None:
    bench = Bench(FakeStore([]))
    names = [f"c-{number}" for number in range(120)]
    bench.submit(*names)
    assert bench.value("queued") == 120
    bench.writer.start()
    bench.writer.stop(5)
    assert bench.store.saved == [*names, "closed"]
    assert bench.value("stored_total") == 120
    assert bench.value("queued") == 0


def test_a_locked_and_a_full_database_are_tried_again_and_told() -> None:
    bench = Bench(FakeStore(["locked", "locked", "disk_full"]))
    bench.writer.start()
    bench.submit("c-1")
    wait_until(lambda: bench.value("stored_total") == 1, "the record")
    bench.writer.stop(5)
    assert bench.store.saved == ["c-1", "closed"]
    assert bench.value("retries_total", cause="locked") == 2
    assert bench.value("retries_total", cause="disk_full") == 1
    assert not any(bench.value("failed_total", cause=cause) for cause in ("locked", "disk_full"))


def test_a_record_that_is_being_tried_is_one_that_waits() -> None:
    bench = Bench(FakeStore([]))
    bench.store.go_on.clear()
    bench.writer.start()
    bench.submit("c-1")
    wait_until(lambda: not bench.writer._queue, "the writer to take it")
    assert bench.value("queued") == 1
    bench.store.go_on.set()
    bench.writer.stop(5)
    assert bench.value("queued") == 0


def test_a_record_that_is_rejected_does_not_take_others_with_it() -> None:
    bench = Bench(FakeStore([], rejects="c-2"))
    bench.submit("c-1", "c-2", "c-3")
    bench.writer.start()
    bench.writer.stop(5)
    assert bench.store.saved == ["c-1", "c-3", "closed"]
    assert bench.value("failed_total", cause="rejected") == 1


def test_what_is_no_report_is_counted() -> None:
    bench = Bench(FakeStore([]))
    bench.writer.submit("c-1", b"\xff\x00 no report")
    bench.submit("c-2")
    bench.writer.start()
    bench.writer.stop(5)
    assert bench.value("failed_total", cause="malformed") == 1
    assert bench.store.saved == ["c-2", "closed"]


def test_a_full_queue_loses_the_newest_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 2)
    bench = Bench(FakeStore([]))
    bench.submit("c-1", "c-2", "c-3")
    assert bench.value("failed_total", cause="queue_full") == 1
    monkeypatch.setattr(module, "MAX_QUEUED", 100)
    monkeypatch.setattr(module, "MAX_QUEUED_OCTETS", bench.writer._octets + 10)
    bench.submit("c-4")
    assert bench.value("failed_total", cause="queue_full") == 2
    bench.writer.start()
    bench.writer.stop(5)
    assert bench.store.saved == ["c-1", "c-2", "closed"]


def test_a_database_that_never_comes_back_holds_up_neither_calls_nor_the_end() -> None:
    bench = Bench(FakeStore(["unreachable"] * 10_000))
    bench.writer.start()
    bench.submit("c-1")
    wait_until(lambda: bench.value("retries_total", cause="unreachable") > 2, "retries")
    bench.submit("c-2")
    bench.writer.stop(0.05)
    assert not bench.writer._thread.is_alive()
    assert bench.value("failed_total", cause="shutdown") == 2


def test_a_bug_of_ours_is_counted_and_later_records_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(FakeStore([]))
    bench.store.save = lambda _finished: 1 / 0  # type: ignore[method-assign,assignment]  # the bug
    bench.submit("c-1", "c-2")
    bench.writer.start()
    wait_until(lambda: not bench.writer._thread.is_alive(), "the thread to end")
    assert (
        bench.metrics.registry.get_sample_value("talkpath_internal_errors_total", {"where": "records"}) == 1
    )
    bench.submit("c-3")
    bench.writer.stop(0.1)
    assert bench.value("failed_total", cause="database") == 3
    assert "c-1" in capsys.readouterr().out, "a record was lost without a word"


def test_old_calls_are_pruned_at_the_start_and_every_day() -> None:
    clock = [0.0]
    store = FakeStore([])
    settings = settings_of("sqlite:////unused", retention="30d")
    metrics = Metrics()
    writer = RecordWriter(settings, metrics, lambda _url: store, clock=lambda: clock[0])  # type: ignore[arg-type,return-value]  # a double
    writer.start()
    wait_until(lambda: len(store.pruned) == 1, "the first")
    assert abs(datetime.now(UTC) - timedelta(days=30) - store.pruned[0]) < timedelta(minutes=1)
    clock[0] = module.PRUNE_EVERY - 1
    body = b"".join(message.body for message in messages_of(full_call("c-1")))
    writer.submit("c-1", body)
    wait_until(lambda: store.saved == ["c-1"], "the record")
    assert len(store.pruned) == 1
    clock[0] += 2
    writer.submit("c-1", body)
    wait_until(lambda: len(store.pruned) == 2, "the second")
    writer.stop(5)
    assert metrics.registry.get_sample_value("talkpath_records_pruned_total") == 6


def test_nothing_is_pruned_when_calls_are_kept_for_ever() -> None:
    bench = Bench(FakeStore([]), retention=0)
    bench.writer.start()
    bench.submit("c-1")
    bench.writer.stop(5)
    assert bench.store.pruned == []


def test_what_is_stored_is_clean(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.sqlite"
    writer = RecordWriter(settings_of(url, redact=["bell"]), Metrics(), Store)
    full = full_call()
    full.utterances[0].text = "4111 1111 1111 1111"
    writer.submit("c-1", b"".join(message.body for message in messages_of(full)))
    writer.start()
    writer.stop(5)
    with Records(url) as records:
        stored = records.get("c-1")
    assert stored is not None
    assert [one.text for one in stored.utterances] == ["[digits]", "My [redacted] is broken."]
    assert not any(b"4111" in file.read_bytes() for file in tmp_path.iterdir())


def names_in(url: str) -> set[str]:
    """Ids of the calls that are stored."""
    with Records(url) as records:
        try:
            return {call.id for call in records.list()}
        except RecordsError:  # there is no file, or nothing in it yet
            return set()


@pytest.mark.parametrize("harm", ["deleted", "moved", "damaged"])
def test_records_go_on_in_a_new_file_when_the_old_one_is_taken_away(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "calls.sqlite"
    url = f"sqlite:///{path}"
    bench = Bench(FakeStore([]))
    writer = RecordWriter(settings_of(url), bench.metrics, Store)
    body = b"".join(message.body for message in messages_of(full_call("c-1")))
    if harm == "damaged":
        path.write_bytes(b"no database" * 1000)
    writer.submit("c-1", body)
    writer.start()
    if harm == "damaged":
        wait_until(lambda: bench.value("retries_total", cause="damaged") > 0, "the trouble")
        assert bench.value("queued") == 1
        path.rename(tmp_path / "old")
    else:
        wait_until(lambda: names_in(url) == {"c-1"}, "the first call")
        for part in tmp_path.glob("calls.sqlite*"):
            if harm == "deleted":
                part.unlink()
            else:
                part.rename(tmp_path / f"old-{part.name}")
        writer.submit("c-2", b"".join(message.body for message in messages_of(full_call("c-2"))))
    wait_until(lambda: names_in(url) == {"c-1" if harm == "damaged" else "c-2"}, "the call in a new file")
    writer.stop(5)
    assert bench.value("retries_total", cause="replaced") == (harm != "damaged")


def submit_through(
    keeper: RecordKeeper, full: FullCall, skip: Callable[[int], bool] = lambda _n: False
) -> None:
    for message in messages_of(full):
        if not skip(message.number):
            keeper.message("worker-0", message)


def test_pieces_that_never_complete_are_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    keeper = RecordKeeper(settings_of(f"sqlite:///{tmp_path}/calls.sqlite"), metrics)
    large = full_call("c-large")
    large.utterances[0].text = "x" * 300_000
    submit_through(keeper, large, skip=lambda number: number == 1)
    submit_through(keeper, large, skip=lambda number: number > 1)
    keeper.message("worker-0", m.PeerLost(who="worker"))
    value = metrics.registry.get_sample_value("talkpath_records_failed_total", {"cause": "incomplete"})
    assert value is not None
    assert value >= 2
