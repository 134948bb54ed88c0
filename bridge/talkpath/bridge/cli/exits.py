"""Exit codes, and the words before them."""

from __future__ import annotations

import enum
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version


class Exit(enum.IntEnum):
    """What the exit code of ``talkpath`` means."""

    OK = 0
    FAILED = 1
    """It ran and failed; the last lines say why."""
    USAGE = 2
    """Wrong command line."""
    CONFIG = 3
    """The configuration is refused."""
    UNHEALTHY = 4
    """The doctor found something that will not work."""


def version() -> str:
    """Version of the installed package."""
    try:
        return installed_version("talkpath")
    except PackageNotFoundError:
        return "unknown"


def complain(text: str) -> None:
    """Say to a person what is wrong, on standard error."""
    sys.stderr.write(f"talkpath: {text}\n")
