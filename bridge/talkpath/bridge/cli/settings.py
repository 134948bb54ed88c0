"""Loading the configuration for a command: problems become sentences and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from talkpath.bridge.config.load import find_config, load
from talkpath.bridge.config.problems import ConfigError

from .exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from talkpath.bridge.config.load import Loaded


def load_or_explain(path: Path | None) -> Loaded | Exit:
    """Load the configuration; on problems, print them all and return the exit code."""
    try:
        return load(find_config(path))
    except ConfigError as error:
        _show(error)
        return Exit.CONFIG


def _show(error: ConfigError) -> None:
    console = Console(file=sys.stderr, soft_wrap=True, highlight=False)
    for problem in error.problems:
        place = f"{problem.source}:{problem.line}" if problem.line else problem.source
        line = Text(f"{place}: ", style="bold")
        line.append(f"{problem.key}: " if problem.key else "", style="cyan")
        line.append(problem.reason, style="red")
        console.print(line)
        if problem.hint:
            console.print(Text(f"    {problem.hint}"))
    count = len(error.problems)
    console.print(f"{count} problem{'s' if count > 1 else ''}. Nothing was started.")
