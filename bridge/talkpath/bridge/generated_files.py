"""Files of the source tree that are made from the sources: written anew, or only looked at."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def write_or_check(wanted: Mapping[Path, str], arguments: Sequence[str]) -> int:
    """Write files, or with ``--check`` name those that are not current on standard error.

    Args:
        wanted: The text that each file is to have.
        arguments: Of the command line.

    Returns:
        The exit code: 1 when a check finds one that is not current.
    """
    if "--check" in arguments:
        stale = [path for path, text in wanted.items() if not _is_current(path, text)]
        sys.stderr.writelines(f"{path} is not current.\n" for path in stale)
        return 1 if stale else 0
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
