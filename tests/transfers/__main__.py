"""Transfer calls through Asterisk in every way there is: ``make interop``.

Prints a table; status 1 when a call did not end as it has to. ``--trunk tls`` makes the calls of the trunks
whose name begins like that.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from tests.transfers.matrix import run
from tests.transfers.rows import ROWS, TRUNKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transfers.matrix import Result
    from tests.transfers.rows import Trunk


WIDTH: Final = 140
"""Columns of the table where the output is no terminal: a cell that is cut off says nothing."""


def table_of(results: Sequence[Result], trunks: Sequence[Trunk] = TRUNKS) -> Table:
    """A row per kind of call, a column per trunk."""
    table = Table(title="Transfers through Asterisk: who has the caller at the end", title_justify="left")
    table.add_column("mode")
    table.add_column("the human")
    for trunk in trunks:
        table.add_column(trunk.label.replace(", ", "\n"))
    found = {(one.row, one.trunk): one for one in results}
    for row in ROWS:
        table.add_row(row.mode, row.human, *(_cell(found.get((row, trunk))) for trunk in trunks))
    return table


def _cell(result: Result | None) -> str:
    if result is None:
        return "-"
    if result.problems:
        return f"[bold red]{result.reason or 'nothing'}[/]"
    whom = "human" if result.row.joins else "agent"
    return f"[green]{whom}[/] ({result.reason})"


def main() -> int:
    """Make all calls and print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.transfers", description=__doc__)
    parser.add_argument("--trunk", default="", help="only trunks whose name begins so: udp, tls, tls+srtp …")
    wanted = parser.parse_args().trunk
    trunks = [trunk for trunk in TRUNKS if trunk.label.startswith(wanted)]
    # The simulator's server tells of each session that is closed before it has begun, with a traceback.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    results: list[Result] = []
    for trunk in trunks:
        console.print(f"{trunk.label}: {len(ROWS)} calls at once …")
        with tempfile.TemporaryDirectory(prefix="transfers-") as folder:
            results += run(Path(folder), trunk)
    console.print(table_of(results, trunks))
    wrong = [result for result in results if result.problems]
    for result in wrong:
        row = result.row
        console.print(f"[red]{result.trunk.label}, {row.mode}, {row.human}: {'; '.join(result.problems)}[/]")
    console.print(f"{len(results) - len(wrong)} of {len(results)} as they have to be.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
