"""``talkpath calls``: the calls that are over, as a table, JSON or CSV; and their deletion."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from talkpath.bridge.config.records import place
from talkpath.bridge.config.values import format_duration
from talkpath.bridge.records.problems import RecordsError
from talkpath.bridge.records.read import Records
from talkpath.bridge.records.rows import Call
from talkpath.bridge.records.store import Store

from .exits import Exit, complain
from .settings import load_or_explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from talkpath.bridge.config.records import RecordsConfig
    from talkpath.bridge.records.read import CallFilter

WIDTH_WITHOUT_TERMINAL: Final = 180
SHORT_ID: Final = 10
COLUMNS: Final = (
    *("id", "began", "from", "to", "agent", "talk", "end", "turns", "answer", "MOS", "cost"),
)  # fmt: skip
FIGURES: Final = {"talk", "turns", "answer", "MOS", "cost"}
OFF: Final = 'records are off (records.url = "off"): no calls are stored.'
STYLES: Final = {"completed": "green", "failed": "red", "refused": "yellow", "abandoned": "yellow"}


def list_calls(
    config: Path | None, database: str, wanted: CallFilter, *, limit: int, as_json: bool, as_csv: bool
) -> int:
    """Show calls that match, the newest first."""
    url = database_of(config, database)
    if isinstance(url, Exit):
        return url
    try:
        with Records(url) as records:
            found = records.list(wanted, limit=limit)
            more = records.count(wanted) - len(found)
    except RecordsError as error:
        complain(f"{error}.")
        return Exit.FAILED
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    elif as_csv:
        write_csv(found)
    else:
        _show(found, more)
    return Exit.OK


def prune_calls(config: Path | None, database: str, age: float | None) -> int:
    """Delete what is older than the retention time, or than ``age`` seconds."""
    settings = records_of(config) if not database or age is None else None
    if isinstance(settings, Exit):
        return settings
    url = database_of(config, database)
    if isinstance(url, Exit):
        return url
    kept = age if age is not None else settings.retention if settings is not None else 0.0
    if not kept and age is None:
        sys.stdout.write("Calls are kept for ever (records.retention = 0). Say an age with --older-than.\n")
        return Exit.OK
    try:
        store = Store(url)
        try:
            deleted = store.prune(datetime.now(UTC) - timedelta(seconds=kept))
        finally:
            store.close()
    except RecordsError as error:
        complain(f"{error}.")
        return Exit.FAILED
    sys.stdout.write(
        f"{deleted} call{'' if deleted == 1 else 's'} older than {format_duration(kept)} deleted.\n"
    )
    return Exit.OK


def records_of(config: Path | None) -> RecordsConfig | Exit:
    """The ``[records]`` section of a configuration."""
    loaded = load_or_explain(config)
    return loaded if isinstance(loaded, Exit) else loaded.config.records


def database_of(config: Path | None, given: str = "") -> str | Exit:
    """The URL of the database, or the exit code after saying why there is none.

    Args:
        config: The configuration file.
        given: What stands behind ``--database``, which makes the configuration unnecessary.
    """
    if given:
        return place(given, Path.cwd())
    settings = records_of(config)
    if isinstance(settings, Exit):
        return settings
    if not settings.database:
        complain(OFF)
        return Exit.FAILED
    return settings.database


# CSV ------------------------------------------------------------------------------------------------


def write_csv(found: Iterable[Call]) -> None:
    """Write calls as CSV (RFC 4180) with a header."""
    names = [field.name for field in msgspec.structs.fields(Call)]
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    for call in found:
        values = msgspec.to_builtins(call)
        writer.writerow([_cell(values[name]) for name in names])


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers of telephones stay as they are."""
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    if not isinstance(value, str) or value[:1] not in {"=", "+", "-", "@", "\t", "\r"}:
        return value
    return value if value[1:].replace(" ", "").isdigit() and value[0] in "+-" else f"'{value}"


# The table ------------------------------------------------------------------------------------------


def _show(found: Iterable[Call], more: int) -> None:
    output = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(
            name, justify="right" if name in {"talk", "turns", "answer", "MOS", "cost"} else "left"
        )
    count = 0
    for call in found:
        count += 1
        table.add_row(*_row(call))
    if not count:
        output.print("No calls.")
        return
    output.print(table)
    if more > 0:
        output.print(f"… and {more} more: --limit {count + more} shows all.", style="dim")


def _row(call: Call) -> Iterator[Text]:
    yield Text(call.id[: SHORT_ID + 2])
    yield Text(local_time(call.started_at))
    yield Text(plain(call.caller))
    yield Text(plain(call.called))
    yield Text(plain(call.agent))
    yield Text("" if call.answered_at is None else f"{call.talk_seconds:.0f} s")
    yield Text(call.cause.replace("_", " "), style=STYLES.get(call.outcome, ""))
    yield Text(str(call.turns))
    yield Text("" if call.turn_median is None else f"{call.turn_median * 1000:.0f} ms")
    yield Text("" if call.mos is None else f"{call.mos:.1f}")
    yield Text("" if call.cost_usd is None else f"${call.cost_usd:.4f}")


def console() -> Console:
    """Standard output; wide where it is no terminal, so that nothing is cut."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)


def local_time(moment: datetime) -> str:
    """A moment for a person, in the zone of this machine."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def plain(text: str) -> str:
    """Text from the network without what would command the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
