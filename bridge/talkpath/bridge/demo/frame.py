"""What the demos do in the same way: look for what they need, show their checks, say how they ended."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from talkpath.bridge.cli.exits import Exit, complain
from talkpath.bridge.demo.stage import StageError
from talkpath.bridge.simulator.speech import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from talkpath.bridge.demo.checks import Check

NEEDED: Final = {
    "pjsua2": "the demo makes a real SIP call and needs pjsua2, which is not installed. "
    "Build it with `make pjsua2`, or take the published one: pip install 'talkpath[wheel]'",
    "matplotlib": "the demo draws the call with matplotlib, which is not installed. "
    "Install it with: pip install 'talkpath[demo]'",
}
"""What is looked for before anything is started, and what to do where it is missing."""


def perform(folder: Path, leaves: Sequence[str], demo: Callable[[Console], bool]) -> int:
    """Run a demo; 0 when it was good, 1 when not or when something is missing.

    Args:
        folder: Where its files are left.
        leaves: Their names; those of an earlier run are removed.
        demo: Shows it on a console, and says whether it was good.
    """
    for module, sentence in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            complain(sentence)
            return Exit.FAILED
    folder.mkdir(parents=True, exist_ok=True)
    for name in leaves:
        (folder / name).unlink(missing_ok=True)
    console = Console()
    try:
        return Exit.OK if demo(console) else Exit.FAILED
    except (StageError, MissingExtraError) as problem:
        complain(str(problem))
        return Exit.FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")
        return 130


def print_checks(console: Console, checks: Sequence[Check], width: int) -> None:
    """Show each check with its mark, its name in so many columns, and what was seen."""
    console.print()
    for each in checks:
        mark, style = ("✓", "green") if each.passed else ("✗", "bold red")
        line = Text.assemble((f"  {mark} ", style), (f"{each.name:{width}}", ""), (each.detail, "dim"))
        console.print(line, highlight=False, soft_wrap=True)


def print_end(console: Console, words: str, took: float, *, good: bool) -> None:
    """Show the verdict and how long it took, in seconds."""
    console.print(Text(f"\n{words} {took:.0f} s in all.", "bold green" if good else "bold red"))


def print_files(console: Console, folder: Path, leaves: Sequence[str]) -> None:
    """Show what was left behind."""
    files = ", ".join(str(folder / name) for name in leaves)
    console.print(f"Left behind: {files}", highlight=False, soft_wrap=True)
