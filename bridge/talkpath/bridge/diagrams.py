"""Draws the state tables into ``docs/architecture.md``: ``python -m talkpath.bridge.diagrams [--check]``.

A drawing stands between ``<!-- diagram: NAME -->`` and ``<!-- end -->``. With ``--check`` nothing is written;
the exit code is 1 when the page is not current.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from talkpath.bridge.call import machine
from talkpath.bridge.realtime import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE: Final = Path("docs/architecture.md")

DIAGRAMS: Final[dict[str, Callable[[], str]]] = {"call": machine.mermaid, "session": lifecycle.mermaid}

_BLOCK: Final = re.compile(r"(<!-- diagram: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


class UnknownDiagramError(ValueError):
    """A page asks for a drawing that nobody makes."""


def fill(page: str) -> str:
    """Put the drawings into a page.

    Raises:
        UnknownDiagramError: the page has a block with another name, or lacks one of the drawings.
    """
    seen: set[str] = set()

    def block(found: re.Match[str]) -> str:
        name = found[2]
        if name not in DIAGRAMS:
            raise UnknownDiagramError(f"There is no drawing {name!r}; there are {', '.join(DIAGRAMS)}.")
        seen.add(name)
        return f"{found[1]}```mermaid\n{DIAGRAMS[name]()}```\n{found[4]}"

    filled = _BLOCK.sub(block, page)
    missing = sorted(set(DIAGRAMS) - seen)
    if missing:
        raise UnknownDiagramError(
            f"The page has no block for {', '.join(missing)}; add <!-- diagram: NAME -->."
        )
    return filled


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page anew, or check it."""
    parser = argparse.ArgumentParser(prog="python -m talkpath.bridge.diagrams", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 when it is not current"
    )
    parser.add_argument("page", nargs="?", type=Path, default=PAGE, help=f"the page (default: {PAGE})")
    options = parser.parse_args(arguments)
    before = options.page.read_text("utf-8")
    after = fill(before)
    if options.check:
        if before != after:
            sys.stderr.write(f"{options.page}: the drawings are not current; run `make diagrams`.\n")
        return int(before != after)
    if before != after:
        options.page.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
