"""A part of the transfer matrix; `make interop` runs the whole and prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transfers.__main__ import table_of
from tests.transfers.matrix import Result, run
from tests.transfers.rows import ROWS, TRUNKS, Trunk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "trunk",
    [Trunk("udp", refer=True), Trunk("udp", refer=False), Trunk("tls+srtp", refer=True)],
    ids=lambda trunk: trunk.label,
)
@pytest.mark.interop
@pytest.mark.daemon
def test_every_transfer_through_asterisk_ends_as_it_has_to(tmp_path: Path, trunk: Trunk) -> None:
    results = run(tmp_path, trunk)
    wrong = {f"{one.row.mode}, {one.row.human}": one.problems for one in results if one.problems}
    assert not wrong
    assert len(results) == len(ROWS)


def test_the_matrix_has_every_mode_outcome_and_trunk() -> None:
    assert len({row.number for row in ROWS}) == len(ROWS) == 14
    assert len({trunk.label for trunk in TRUNKS}) == 6


def test_the_table_shows_what_went_wrong() -> None:
    good, bad = (Result(row, TRUNKS[0], "referred") for row in ROWS[:2])
    bad.problems.append("the caller does not hear the agent again")
    cells = list(table_of([good, bad]).columns[2].cells)
    assert cells[:3] == ["[green]human[/] (referred)", "[bold red]referred[/]", "-"]
