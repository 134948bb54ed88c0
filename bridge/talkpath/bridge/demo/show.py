"""The demo from its first line to its verdict."""

from __future__ import annotations

import asyncio
import importlib
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from talkpath.bridge.demo.checks import Check, Evidence, check
from talkpath.bridge.demo.frame import perform, print_checks, print_end, print_files
from talkpath.bridge.demo.live import LiveView
from talkpath.bridge.demo.receptionist import receptionist
from talkpath.bridge.demo.recording import read_stereo
from talkpath.bridge.demo.stage import CALLER_LOG, CONFIGURATION, DAEMON_LOG, Stage
from talkpath.bridge.demo.story import Story
from talkpath.bridge.demo.summary import summarise, to_text

if TYPE_CHECKING:
    from rich.console import Console

    from talkpath.bridge.demo import events
    from talkpath.bridge.demo.daemon_log import LogLine

FOLDER: Final = Path("build/demo")
LEAVES: Final = ("call.wav", "call.png", "summary.json")


class Demo:
    """One demo.

    Args:
        console: where to show it.
        folder: where its files are left.
    """

    def __init__(self, console: Console, folder: Path) -> None:
        self.story = Story()
        self._console = console
        self._folder = folder
        self._view = LiveView(console, self.story)
        self._began = time.monotonic()
        self._stage = Stage(folder, receptionist, self._line, self._report)

    def run(self) -> bool:
        """Show it; return whether the call was good.

        Raises:
            StageError: something did not start.
        """
        # Loading the drawing library takes a second: do it while they talk.
        threading.Thread(target=importlib.import_module, args=("matplotlib.figure",), daemon=True).start()
        asyncio.run(self._perform())
        self.story.complete()
        checks = check(
            Evidence(self.story, self._remembered(), self._stage.daemon_exit, self._stage.caller_exit)
        )
        self._draw()
        summary = summarise(self.story, checks, time.monotonic() - self._began)
        (self._folder / "summary.json").write_text(to_text(summary))
        self._verdict(checks)
        return all(each.passed for each in checks)

    async def _perform(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        self._console.print(Text("Talkpath demo: a real SIP call, without key, phone or network\n", "bold"))
        try:
            await self._stage.start()
            self._introduce()
            with self._view:
                await self._stage.call()
        finally:
            await self._stage.stop()

    def _introduce(self) -> None:
        parties = {
            "model": f"a simulator at {self._stage.simulator.url}, offline",
            "bridge": f"talkpath run -c {self._folder / CONFIGURATION}",
            "caller": f"{self.story.stack} and its own RTP, calls {self._stage.sip_uri}",
        }
        for who, what in parties.items():
            self._console.print(
                Text.assemble((f"  {who:8}", "bold"), (what, "")), highlight=False, soft_wrap=True
            )
        self._console.print()

    def _report(self, report: events.Report) -> None:
        self.story.report(report)
        self._view.report(report)

    def _line(self, line: LogLine) -> None:
        self.story.line(line)
        if self.story.wall:
            self._view.line(line)

    def _remembered(self) -> float | None:
        """Seconds of the broken-off answer that the model believes it said."""
        sessions = self._stage.simulator.sessions
        cut = [
            item for session in sessions for item in session.conversation.items if item.heard_ms is not None
        ]
        return cut[-1].remembered_ms / 1000 if cut else None

    def _draw(self) -> None:
        from talkpath.bridge.demo.picture import draw  # noqa: PLC0415  loaded by the thread above

        recording = self._folder / "call.wav"
        if recording.exists():
            channels, rate = read_stereo(recording)
            draw(channels, rate, self.story, self._folder / "call.png")

    def _verdict(self, checks: list[Check]) -> None:
        print_checks(self._console, checks, width=36)
        failed = sum(not each.passed for each in checks)
        words = "A good call." if not failed else f"Not a good call: {failed} of {len(checks)} checks failed."
        print_end(self._console, words, time.monotonic() - self._began, good=not failed)
        if failed:
            logs = f"{self._folder / DAEMON_LOG} and {self._folder / CALLER_LOG}"
            self._console.print(f"The logs say more: {logs}", highlight=False, soft_wrap=True)
        print_files(self._console, self._folder, LEAVES)


def show(folder: Path = FOLDER) -> int:
    """Run the demo; 0 when the call was good, 1 when not or when something is missing."""
    return perform(folder, LEAVES, lambda console: Demo(console, folder).run())
