"""Calls go into a real SQLite file and come out as they were."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.records import report, schema
from talkpath.bridge.records.database import Database, parse_url
from talkpath.bridge.records.journal import Journal
from talkpath.bridge.records.problems import RecordsError
from talkpath.bridge.records.read import CallFilter, Records
from talkpath.bridge.records.redact import Redactor
from talkpath.bridge.records.rows import Call, FullCall
from talkpath.bridge.records.store import PRUNED_AT_ONCE, Store
from talkpath.bridge.records.tables import PARTS, calls, metadata
from tests.bridge.api.told import ACCOUNT
from tests.bridge.records.calls import NOON, call, full_call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deeper" / "calls.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def records(path: Path) -> Iterator[Records]:
    with Records(f"sqlite:///{path}") as opened:
        yield opened


def test_a_call_comes_back_as_it_was(store: Store, records: Records) -> None:
    store.save([full_call()])
    assert records.get("c-1") == full_call()
    assert records.get("c-2") is None


def test_saving_again_replaces_and_does_not_double(store: Store, records: Records) -> None:
    store.save([full_call()])
    store.save([full_call(reason="later"), full_call("c-2")])
    assert records.count() == 2
    found = records.get("c-1")
    assert found is not None
    assert (found.call.reason, len(found.moments)) == ("later", 2)


def test_a_batch_is_saved_whole_or_not_at_all(store: Store, records: Records) -> None:
    broken = full_call("c-2")
    broken.turns[0].latency = None  # type: ignore[assignment]  # what the table refuses
    with pytest.raises(RecordsError) as refused:
        store.save([full_call(), broken])
    assert refused.value.cause == "rejected"
    assert records.count() == 0


def test_every_field_has_its_column() -> None:
    assert [field.name for field in msgspec.structs.fields(Call)] == calls.columns.keys()
    kinds = {field.name: field.type for field in msgspec.structs.fields(FullCall)}
    for name, table in PARTS.items():
        fields = [field.name for field in msgspec.structs.fields(kinds[name].__args__[0])]
        assert table.columns.keys() == ["call_id", "number", *fields]


def test_the_migrations_make_the_tables_that_the_program_uses(store: Store, path: Path) -> None:
    store.save([full_call()])
    with sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_the_file_is_in_wal_mode_and_not_for_everybody(store: Store, path: Path) -> None:
    store.save([full_call()])
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_calls_are_found_by_what_is_known_of_them(store: Store, records: Records) -> None:
    hour = timedelta(hours=1)
    store.save(
        [
            full_call("c-1"),
            full_call("c-2", agent="sales", started_at=NOON + hour, caller="+4940777"),
            full_call("c-3", cause="model_lost", outcome="failed", started_at=NOON + 2 * hour),
        ]
    )

    def ids(**facts: Any) -> list[str]:
        return [one.id for one in records.list(CallFilter(**facts))]

    assert ids() == ["c-3", "c-2", "c-1"]
    assert ids(agent="sales") == ["c-2"]
    assert ids(cause="model_lost", outcome="failed") == ["c-3"]
    assert ids(since=NOON + hour) == ["c-3", "c-2"]
    assert ids(until=NOON + hour) == ["c-1"]
    assert ids(caller="+4940*") == ["c-2"]
    assert ids(caller="+4940") == []
    assert ids(caller="%") == []
    assert ids(said="BELL IS") == ["c-3", "c-2", "c-1"]
    assert ids(said="%") == []
    assert [one.id for one in records.list(limit=1, offset=1)] == ["c-2"]
    assert records.count(CallFilter(said="bicycle")) == 3


def test_one_call_is_found_by_id_beginning_or_sip_call_id(store: Store, records: Records) -> None:
    store.save([full_call("c-abc1"), full_call("c-abc2"), full_call("c-abc", sip_call_id="x@pbx")])

    def ids(name: str) -> set[str]:
        return {one.id for one in records.find(name)}

    assert ids("x@pbx") == ids("c-abc") == {"c-abc"}
    assert ids("c-ab") == ids("ab") == {"c-abc", "c-abc1", "c-abc2"}
    assert ids("abc2") == {"c-abc2"}
    assert ids("%") == ids("") == set()


def test_walking_over_all_calls_misses_none(store: Store, records: Records) -> None:
    several = [FullCall(call=call(f"c-{number:04}")) for number in range(1203)]
    store.save(several)
    assert [one.id for one in records.iterate()] == [full.call.id for full in several]


def test_old_calls_are_deleted_with_all_their_parts(store: Store, records: Records, path: Path) -> None:
    old = NOON - timedelta(days=40)
    store.save([full_call(f"c-old{number}", ended_at=old) for number in range(PRUNED_AT_ONCE + 5)])
    store.save([full_call("c-new")])
    assert store.prune(NOON - timedelta(days=30)) == PRUNED_AT_ONCE + 5
    assert [one.id for one in records.list()] == ["c-new"]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA freelist_count").fetchone() == (0,), "the file keeps the space"
    connection.close()
    with store._database.begin() as inside:
        for table in PARTS.values():
            assert set(inside.scalars(sa.select(table.c.call_id))) == {"c-new"}
    assert b"c-old7" not in path.read_bytes(), "what was deleted can still be read from the file"


def test_a_reader_neither_makes_a_file_nor_takes_another_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.sqlite"
    with Records(url) as records, pytest.raises(RecordsError, match="no file"):
        records.list()
    assert not (tmp_path / "none.sqlite").exists()
    Store(url).close()
    connection = sqlite3.connect(tmp_path / "none.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with Records(url) as records, pytest.raises(RecordsError, match="later version"):
        records.list()
    with pytest.raises(RecordsError, match="later version") as refused:
        Store(url)
    assert refused.value.cause == "schema"


def test_a_database_without_our_tables_is_named(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    with (
        Records(f"sqlite:///{tmp_path}/empty.sqlite") as records,
        pytest.raises(RecordsError, match="no tables"),
    ):
        records.list()
    (tmp_path / "text.sqlite").write_text("this is no database, but long enough to be looked at" * 30)
    with pytest.raises(RecordsError) as refused:
        Store(f"sqlite:///{tmp_path}/text.sqlite")
    assert refused.value.cause == "damaged"


def test_what_is_wrong_has_its_cause(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save([full_call()])
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("talkpath.bridge.records.database.BUSY_TIMEOUT_S", 0.05)
    with pytest.raises(RecordsError) as refused:
        Store(f"sqlite:///{path}")
    assert refused.value.cause == "locked"
    blocker.execute("ROLLBACK")
    blocker.close()
    with pytest.raises(RecordsError) as refused:
        Store(f"sqlite:///{path}/below-a-file.sqlite")
    assert refused.value.cause == "no_permission"


def test_a_full_disk_is_told_and_leaves_what_was_there(store: Store, records: Records) -> None:
    store.save([full_call()])
    with store._database.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar_one()
    several = [full_call(f"c-{number}", reason="x" * 5000) for number in range(20)]
    with pytest.raises(RecordsError) as refused:
        store.save(several)
    assert refused.value.cause == "disk_full"
    assert records.count() == 1


@pytest.mark.parametrize("url", ["mysql://x", "nonsense", "sqlite://", "sqlite:///"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(RecordsError, match=r"records\.url"):
        parse_url(url)


def test_the_name_of_a_database_has_no_password() -> None:
    database = Database("postgresql://talk:secret@db/calls", writes=False)
    assert "secret" not in database.name
    database.close()
    with pytest.raises(RecordsError) as refused:
        Store("postgresql://talk:secret@127.0.0.1:1/calls")
    assert refused.value.cause == "unreachable"
    assert "secret" not in str(refused.value)


_WRITES_FOR_EVER = """
import sys
from talkpath.bridge.records.store import Store
from tests.bridge.records.calls import full_call
store = Store(sys.argv[1])
for number in range(10**9):
    store.save([full_call(f"c-{number}-{one}") for one in range(20)])
    if number == 3:
        print("busy", flush=True)
"""


def test_a_writer_that_is_killed_leaves_whole_calls_only(path: Path, records: Records) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), os.path.curdir]),
    }
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITES_FOR_EVER, f"sqlite:///{path}"], stdout=subprocess.PIPE, env=environment
    )
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == b"busy\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    count = records.count()
    assert count >= 80
    assert count % 20 == 0, "a part of a transaction was kept"
    with contextlib.closing(Store(f"sqlite:///{path}")) as again:
        again.save([full_call("c-after")])
    assert records.get("c-after") == full_call("c-after")


def test_the_newest_revision_is_known() -> None:
    assert schema.newest() == "0003"


def test_a_database_of_the_first_version_is_converted_with_its_calls(path: Path, records: Records) -> None:
    with contextlib.closing(Store(f"sqlite:///{path}")) as first:
        first.save([full_call()])
    database = Database(f"sqlite:///{path}", writes=True)
    with database.begin() as connection:
        configuration = schema._configuration()
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0001")
    database.close()
    with contextlib.closing(Store(f"sqlite:///{path}")) as later:
        later.save([full_call("c-2", answered_by="machine")])
    assert records.get("c-1") == full_call()
    found = records.get("c-2")
    assert found is not None
    assert found.call.answered_by == "machine"


def test_the_account_of_a_transfer_is_kept_with_its_words_redacted(path: Path, records: Records) -> None:
    full = Redactor().call(full_call(transfer="bridged", transfer_account=ACCOUNT))
    with contextlib.closing(Store(f"sqlite:///{path}")) as store:
        store.save([full])
    found = records.get("c-1")
    assert found is not None
    account = found.call.transfer_account
    assert account == msgspec.structs.replace(ACCOUNT, reason="a bicycle, card [digits]")
    assert records.list()[0].transfer_account == account


def test_where_words_are_not_kept_the_account_of_a_transfer_has_none() -> None:
    journal = Journal(lambda: 0.0, transcripts=False)
    record = CallRecord(call="c-1", account=ACCOUNT, journal=journal)
    account = report.full_call(record, NOON, NOON).call.transfer_account
    assert account == msgspec.structs.replace(ACCOUNT, reason="", summary="")
