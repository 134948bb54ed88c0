"""``talkpath check``: is the configuration good, and what would it do?"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from talkpath.bridge.doctor.addresses import resolve

from .exits import Exit, complain
from .settings import load_or_explain
from .summary import summarise

if TYPE_CHECKING:
    from pathlib import Path

    from talkpath.bridge.config.model import Config

LABEL_WIDTH = 12


def run_check(path: Path | None) -> int:
    """Load, print the summary, and look whether the tools are there."""
    loaded = load_or_explain(path)
    if isinstance(loaded, Exit):
        return loaded
    console = Console(soft_wrap=True, highlight=False)
    console.print(Text(f"{loaded.path} is good.", style="bold green"))
    for line in summarise(loaded, resolve):
        label = f"{line.label} " if len(line.label) >= LABEL_WIDTH else line.label.ljust(LABEL_WIDTH)
        text = Text(label, style="cyan")
        text.append(
            f"{'warning: ' if line.warning else ''}{line.text}", style="yellow" if line.warning else ""
        )
        console.print(text)
    missing = missing_tools(loaded.config)
    for sentence in missing:
        complain(sentence)
    return Exit.CONFIG if missing else Exit.OK


def missing_tools(config: Config) -> list[str]:
    """Import each tool's module, and say which tools are not there."""
    problems = []
    for agent, settings in config.agents.items():
        for tool in settings.tools:
            problem = why_not_callable(tool)
            if problem:
                problems.append(f"agents.{agent}.tools: {tool}: {problem}")
    return problems


def why_not_callable(tool: str) -> str:
    """Why ``module:function`` cannot be called; empty when it can."""
    module, _, function = tool.partition(":")
    if "" not in sys.path:
        sys.path.insert(
            0, ""
        )  # a console script does not look into the current folder, and the tools are there
    try:
        found: object = import_module(module)
        for part in function.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        return f"there is no module {error.name}"
    except AttributeError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - the module is the user's: whatever it raises is the answer
        return f"its module fails: {type(error).__name__}: {error}"
    return "" if callable(found) else "is not a function"
