"""Run the long commands of a build: one line per phase on the terminal, everything else in a log file."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAIL_LINES = 30


class StepError(Exception):
    """A build could not go on. The text is a sentence for the person at the terminal."""


def cache_root() -> Path:
    """Return the folder that outlives the tree: `$XDG_CACHE_HOME/talkpath`, else `~/.cache/talkpath`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "talkpath"


class Steps:
    """Phases of one build, with the seconds since it began.

    Args:
        name: What is being built; stands before every line.
        log: File that receives the output of the commands; the first command starts it afresh.
    """

    def __init__(self, name: str, log: Path) -> None:
        self._name = name
        self._log = log
        self._started = time.monotonic()
        self._mode = "wb"

    def say(self, text: str) -> None:
        """Print one progress line."""
        print(f"{self._name} [{time.monotonic() - self._started:4.0f} s] {text}", flush=True)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command to its end, its output in the log.

        Args:
            command: Program and arguments, no shell.
            cwd: Where it runs; the present folder when None.
            env: Variables set on top of the present environment.

        Raises:
            StepError: The command is missing or failed; the last lines of the log are printed first.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open(self._mode) as log:
            self._mode = "ab"
            log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            try:
                done = subprocess.run(
                    command,
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            except FileNotFoundError as error:
                raise StepError(f"{command[0]} is not installed") from error
        if done.returncode != 0:
            self._show_tail()
            raise StepError(f"`{command[0]}` ended with status {done.returncode}; the whole log: {self._log}")

    def _show_tail(self) -> None:
        lines = self._log.read_text(errors="replace").splitlines()
        for line in lines[-_TAIL_LINES:]:
            print(f"    {line}", file=sys.stderr)
