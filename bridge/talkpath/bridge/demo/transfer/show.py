"""The demo of a transfer from its first line to its verdict."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from talkpath.bridge.demo import events
from talkpath.bridge.demo.configuration import LOOPBACK, configuration, free_udp_port
from talkpath.bridge.demo.frame import perform, print_checks, print_end, print_files
from talkpath.bridge.demo.recording import read_stereo, write_channels
from talkpath.bridge.demo.stage import Stage
from talkpath.bridge.demo.transfer.receptionist import BriefingAgent
from talkpath.bridge.demo.transfer.scenario import JOINED
from talkpath.bridge.demo.transfer.story import RATE, TransferStory, check

if TYPE_CHECKING:
    from rich.console import Console

    from talkpath.bridge.demo.checks import Check
    from talkpath.bridge.demo.daemon_log import LogLine

FOLDER: Final = Path("build/demo")
LEAVES: Final = ("transfer.wav", "transfer.png")
PHONES: Final = "talkpath.bridge.demo.transfer.phones"
STYLES: Final = {"caller": "bold cyan", "agent": "bold green", "human": "bold yellow"}
STEPS: Final = {
    "draining_speech": "the agent transfers; its last words are played out",
    "dialling_warm": "the human's telephone rings, the caller hears the comfort sound",
    "briefing": "the human has picked up and is told who calls, and why",
    "referring_warm": "the human takes the call",
    "bridged": "caller and human are joined; no model hears them any more",
}
_TRANSFER: Final = """
[agents.reception.transfer]
targets = ["workshop"]

[[targets]]
name = "workshop"
description = "Repairs."
uri = "sip:human@{host}:{port}"
mode = "warm"
"""


class TransferDemo:
    """One demo.

    Args:
        console: where to show it.
        folder: where its files are left.
    """

    def __init__(self, console: Console, folder: Path) -> None:
        self.story = TransferStory()
        self._console = console
        self._folder = folder
        self._began = time.monotonic()
        port = free_udp_port()
        more = _TRANSFER.format(host=LOOPBACK, port=port)
        self._stage = Stage(
            folder,
            BriefingAgent,
            self._line,
            self._report,
            party=(PHONES, str(port)),
            configure=lambda *facts: configuration(*facts) + more,
        )

    def run(self) -> bool:
        """Show it; return whether the transfer was good.

        Raises:
            StageError: something did not start.
        """
        threading.Thread(target=importlib.import_module, args=("matplotlib.figure",), daemon=True).start()
        asyncio.run(self._perform())
        self.story.exits = {"the daemon": self._stage.daemon_exit, "the telephones": self._stage.caller_exit}
        for who in ("caller", "human"):
            (said, heard), _rate = read_stereo(self._folder / f"{who}.wav")
            self.story.hear(who, said, heard)
        checks = check(self.story)
        self._leave_behind()
        self._verdict(checks)
        return all(each.passed for each in checks)

    async def _perform(self) -> None:
        self._console.print(Text("Talkpath demo: a warm transfer, offline\n", "bold"))
        try:
            await self._stage.start()
            await self._stage.call()
        finally:
            await self._stage.stop()

    def _report(self, report: events.Report) -> None:
        self.story.report(report)
        if isinstance(report, events.Began) and report.words:
            self._print(report.who, report.words)
        elif isinstance(report, events.Pressed):
            self._print("human", f"(presses {report.key})")
        elif isinstance(report, events.Problem):
            self._print("", report.sentence, "bold red")

    def _line(self, line: LogLine) -> None:
        self.story.line(line)
        if line.event == "said" and line.facts.get("role") == "agent":
            self._print("agent", line.words)
        elif line.event == "transfer_step":
            state = str(line.facts.get("state"))
            if state in STEPS:
                self._print("", STEPS[state])
            if state == "bridged":
                self._stage.tell(JOINED)
        elif line.is_trouble:
            self._print("", line.describe(), "red")

    def _print(self, who: str, words: str, style: str = "dim") -> None:
        at = time.monotonic() - self._began
        text = Text.assemble((f"{at:6.2f}  ", "dim"), (f"{who:8}", STYLES.get(who, "")))
        text.append(words, "" if who else style)
        self._console.print(text, highlight=False, soft_wrap=True)

    def _leave_behind(self) -> None:
        from talkpath.bridge.demo.transfer.picture import draw  # noqa: PLC0415  loaded by the thread above

        story = self.story
        voices = (story.said["caller"], story.agent(), story.said["human"])
        write_channels(self._folder / "transfer.wav", voices, RATE)
        draw(story, self._folder / "transfer.png")

    def _verdict(self, checks: list[Check]) -> None:
        print_checks(self._console, checks, width=38)
        failed = sum(not each.passed for each in checks)
        words = "A good transfer." if not failed else f"{failed} of {len(checks)} checks failed."
        print_end(self._console, words, time.monotonic() - self._began, good=not failed)
        print_files(self._console, self._folder, LEAVES)


def show(folder: Path = FOLDER) -> int:
    """Run the demo; 0 when the transfer was good, 1 when not or when something is missing."""
    leaves = ("caller.wav", "human.wav", *LEAVES)
    return perform(folder, leaves, lambda console: TransferDemo(console, folder).run())
