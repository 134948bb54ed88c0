"""``talkpath tune``: what the calls that were say about the configuration."""

from __future__ import annotations

import itertools
import json
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from talkpath.bridge.records.problems import RecordsError
from talkpath.bridge.records.read import Records
from talkpath.bridge.tune.advice import ENOUGH_CALLS, advise
from talkpath.bridge.tune.figures import add_up

from .calls import database_of
from .exits import Exit, complain
from .settings import load_or_explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from talkpath.bridge.records.read import CallFilter
    from talkpath.bridge.records.rows import FullCall
    from talkpath.bridge.tune.advice import Advice
    from talkpath.bridge.tune.figures import Figures

MOST_CALLS: Final = 20_000
"""Calls that are read at most: the newest of a longer time say enough."""


def run_tune(path: Path | None, database: str, wanted: CallFilter, *, as_json: bool) -> int:
    """Read the calls, and say what to change."""
    loaded = load_or_explain(path)
    if isinstance(loaded, Exit):
        return loaded
    url = database_of(path, database)
    if isinstance(url, Exit):
        return url
    try:
        with Records(url) as records:
            figures = add_up(_calls(records, wanted))
    except RecordsError as error:
        complain(f"{error}.")
        return Exit.FAILED
    found = advise(figures, loaded.config)
    if as_json:
        document = {"calls": figures.calls, "peak": figures.peak, "advice": [one._asdict() for one in found]}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        _show(figures, found)
    return Exit.OK


def _calls(records: Records, wanted: CallFilter) -> Iterator[FullCall]:
    for call in itertools.islice(records.iterate(wanted), MOST_CALLS):
        full = records.get(call.id)
        if full is not None:  # removed meanwhile
            yield full


def _show(figures: Figures, found: list[Advice]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{figures.calls} calls, at most {figures.peak} at once.")
    if figures.calls < ENOUGH_CALLS:
        console.print(f"Too few to say anything: {ENOUGH_CALLS} are needed. Try --since 7d.")
        return
    if not found:
        console.print("Nothing to change.")
    for advice in found:
        line = Text(f"{advice.key} = {advice.then}" if advice.key else "Not a setting", style="bold")
        line.append(f"   (now {advice.now})" if advice.now else "", style="dim")
        console.print(line)
        console.print(Text(f"    {advice.why}."))
