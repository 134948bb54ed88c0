"""Call records in a real PostgreSQL server."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from talkpath.bridge.config.records import RecordsConfig
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.records import writer as module
from talkpath.bridge.records.problems import RecordsError
from talkpath.bridge.records.read import CallFilter, Records
from talkpath.bridge.records.report import messages_of
from talkpath.bridge.records.store import PRUNED_AT_ONCE, Store
from talkpath.bridge.records.tables import PARTS, calls, metadata
from talkpath.bridge.records.writer import RecordWriter
from tests.bridge.records.calls import NOON, full_call
from tests.harness.metrics import counted
from tests.harness.peers import wait_until
from tests.harness.postgresql import PostgreSql

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSql]:
    with PostgreSql(tmp_path_factory.mktemp("postgresql")) as running:
        yield running


@pytest.fixture
def store(server: PostgreSql) -> Iterator[Store]:
    opened = Store(server.url)
    yield opened
    with opened._database.begin() as connection:
        connection.execute(sa.delete(calls))
    opened.close()


@pytest.fixture
def records(server: PostgreSql) -> Iterator[Records]:
    with Records(server.url) as opened:
        yield opened


def test_several_daemons_that_start_at_once_make_the_tables_once(server: PostgreSql) -> None:
    problems: list[RecordsError] = []

    def start() -> None:
        try:
            Store(server.url).close()
        except RecordsError as error:
            problems.append(error)

    daemons = [threading.Thread(target=start) for _ in range(4)]
    for daemon in daemons:
        daemon.start()
    for daemon in daemons:
        daemon.join()
    assert problems == []


def test_the_migrations_make_the_tables_that_the_program_uses(store: Store) -> None:
    with store._database.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_calls_are_saved_found_walked_over_and_deleted(store: Store, records: Records) -> None:
    store.save([full_call("c-1"), full_call("c-2", agent="sales", started_at=NOON + timedelta(hours=1))])
    store.save([full_call("c-1", reason="again")])
    assert records.get("c-2") == full_call("c-2", agent="sales", started_at=NOON + timedelta(hours=1))
    assert [one.id for one in records.list(CallFilter(said="BELL IS"))] == ["c-2", "c-1"]
    assert [one.id for one in records.list(CallFilter(agent="sales", caller="+49*"))] == ["c-2"]
    assert records.list(CallFilter(since=NOON + timedelta(minutes=1)))[0].id == "c-2"
    assert [one.id for one in records.find("1")] == [one.id for one in records.find("c-1@pbx")] == ["c-1"]
    old = NOON - timedelta(days=100)
    store.save(
        [full_call(f"c-old{number}", started_at=old, ended_at=old) for number in range(PRUNED_AT_ONCE)]
    )
    walked = [one.id for one in records.iterate()]
    assert len(walked) == len(set(walked)) == PRUNED_AT_ONCE + 2
    assert store.prune(NOON - timedelta(days=30)) == PRUNED_AT_ONCE
    with store._database.begin() as connection:
        for table in PARTS.values():
            assert set(connection.scalars(sa.select(table.c.call_id))) == {"c-1", "c-2"}


def test_what_the_server_cannot_take_is_rejected_and_no_more(store: Store, records: Records) -> None:
    with pytest.raises(RecordsError) as refused:
        store.save([full_call("c-1"), full_call("c-2", sip_status=2**40)])
    assert refused.value.cause == "rejected"
    assert records.count() == 0
    store.save([full_call("c-3", reason="a\x00b")])
    assert records.list()[0].reason == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.usefixtures("store")
def test_a_server_that_goes_and_comes_back_costs_no_record(
    server: PostgreSql, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF", 0.05)
    monkeypatch.setattr(module, "LONGEST_BACKOFF", 0.2)
    metrics = Metrics()
    settings = RecordsConfig.model_validate({"url": server.url, "retention": 0})
    writer = RecordWriter(settings, metrics, Store)

    def submit(name: str) -> None:
        writer.submit(name, b"".join(message.body for message in messages_of(full_call(name))))

    def value(name: str) -> float:
        return counted(metrics.registry, f"records_{name}")

    writer.start()
    submit("c-1")
    wait_until(lambda: value("stored_total") == 1, "the first record")
    server.stop()
    submit("c-2")
    labels = {"cause": "unreachable"}
    wait_until(
        lambda: bool(metrics.registry.get_sample_value("talkpath_records_retries_total", labels)), "a retry"
    )
    server.start()
    wait_until(lambda: value("stored_total") == 2, "the second record")
    writer.stop(5)
    assert {one.id for one in records.list()} == {"c-1", "c-2"}
