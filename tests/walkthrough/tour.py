"""What one sees of the walkthrough: numbered steps, commands with what they said, pictures, a transcript."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

MOST_LINES: Final = 100
CONFIGURATION: Final = "talkpath.toml"


class Tour:
    """Tells the steps on the console and in ``transcript.txt``.

    Args:
        console: Where people look.
        folder: For the files of the walk; emptied first.
        pictures: Where pictures are copied to besides.

    Attributes:
        folder: Absolute.
        where: Title of the present step.
    """

    def __init__(self, console: Console, folder: Path, pictures: Path | None) -> None:
        self._console = console
        self.folder = folder.absolute()
        self._pictures = pictures
        self.where = "before the first step"
        self._steps = 0
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def step(self, title: str) -> None:
        """A new step begins."""
        self._steps += 1
        self.where = title
        self._say(f"\n{self._steps}. {title}")

    def note(self, text: str) -> None:
        """One line."""
        self._say(f"   {text}")

    def show(self, command: str, said: str) -> None:
        """A command and what it said."""
        lines = [line.rstrip() for line in said.strip("\n").rstrip().splitlines()]
        self._say(f"   $ {command}")
        for line in lines[:MOST_LINES]:
            self._say(f"     {line}")
        if len(lines) > MOST_LINES:
            self._say(f"     … {len(lines) - MOST_LINES} more lines")

    def talkpath(self, *arguments: str, may_fail: bool = False) -> None:
        """Run a command of Talkpath with the walk's configuration, and show it.

        Args:
            arguments: Of ``talkpath``.
            may_fail: Whether a status other than 0 is an answer, too.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(
            [sys.executable, "-m", "talkpath", *arguments, "-c", CONFIGURATION],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "110", "NO_COLOR": "1"},
            check=False,
        )
        self.show(f"talkpath {' '.join(arguments)}", done.stdout + done.stderr)
        assert may_fail or done.returncode == 0, f"talkpath {arguments[0]} ended with {done.returncode}"

    def keep(self, picture: Path) -> None:
        """Tell of a picture, and copy it where pictures shall go."""
        self.note(f"picture: {picture.name}")
        if self._pictures is not None:
            shutil.copy(picture, self._pictures / f"walkthrough-{picture.name}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)
        with (self.folder / "transcript.txt").open("a") as transcript:
            transcript.write(f"{line}\n")
