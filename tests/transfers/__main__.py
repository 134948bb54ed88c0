"""Transfer calls through Asterisk in every way there is: ``make interop``.

Prints a table; status 1 when a call did not end as it has to.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.transfers.matrix import run
from tests.transfers.rows import ROWS, TRUNKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transfers.matrix import Result


def table_of(results: Sequence[Result]) -> Table:
    """A row per kind of call, a column per trunk."""
    table = Table(title="Transfers through Asterisk: who has the caller at the end", title_justify="left")
    table.add_column("mode")
    table.add_column("the human")
    for trunk in TRUNKS:
        table.add_column(trunk.label.replace(", ", "\n"))
    found = {(one.row, one.trunk): one for one in results}
    for row in ROWS:
        table.add_row(row.mode, row.human, *(_cell(found.get((row, trunk))) for trunk in TRUNKS))
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
    console = Console()
    results: list[Result] = []
    for trunk in TRUNKS:
        console.print(f"{trunk.label}: {len(ROWS)} calls at once …")
        with tempfile.TemporaryDirectory(prefix="transfers-") as folder:
            results += run(Path(folder), trunk)
    console.print(table_of(results))
    wrong = [result for result in results if result.problems]
    for result in wrong:
        row = result.row
        console.print(f"[red]{result.trunk.label}, {row.mode}, {row.human}: {'; '.join(result.problems)}[/]")
    console.print(f"{len(results) - len(wrong)} of {len(results)} as they have to be.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
