"""Keep many calls alive for a long time: ``make soak``, or ``python -m tests.soak --calls 50 --minutes 3``.

Steady calls with audio both ways from the generator of the benchmark, and beside them calls of SIPp that
come and go. Each minute a line; in the end everything that calls hold must be given back. Status 1 when it
is not, when memory grew under the steady load, or when a packet was lost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from talkpath.bridge.benchmark import figures, orders
from talkpath.bridge.benchmark.daemon import Daemon
from talkpath.bridge.benchmark.measure import Bench
from talkpath.bridge.benchmark.tools import Cores
from tests.harness.peers import PeerError, wait_until
from tests.harness.sipp import Sipp
from tests.soak.watch import Held, grown, kept, look, unread

if TYPE_CHECKING:
    from talkpath.bridge.benchmark.tools import Tool

GUESTS_PER_SECOND: Final = 2
GUEST_MS: Final = 4_000
_WARM_UP_CALLS: Final = 40
_DIAL_RATE: Final = 20.0
_SPARE_LANES: Final = 40
_PATIENCE_S: Final = 30.0
_TIRELESS: Final = (
    *("-watchdog_minor_maxtriggers", "1000000"),
    *("-watchdog_major_maxtriggers", "1000000"),
)
"""SIPp ends itself when it was held up for half a second 120 times, or for three seconds 10 times."""
_TITLE: Final = (
    "minute  guests  memory MB: worker    sip  supervisor   fds   udp   tcp"
    "  lost  unread  filled  starved  gap p99 ms"
)


@dataclass(frozen=True, slots=True)
class Minute:
    """What one minute brought.

    Attributes:
        held: By process.
        lost: Packets of the daemon that are missing, beyond those that came and were not read.
        unread: Packets that the callers were too slow to read: the machine is too busy for them.
        filled: Frames that the daemon made up.
        starved: Frames of silence because the model was late.
        skipped: Frames left out because a beat came too late; the audio waits.
        gap_p99: How far packets are from their 20 ms, in milliseconds.
        guests: Calls of SIPp so far.
    """

    held: dict[str, Held]
    lost: int
    unread: int
    filled: float
    starved: float
    skipped: float
    gap_p99: float
    guests: float


class Soak:
    """A daemon under a steady load.

    Args:
        calls: Steady calls.
        console: Where the lines go.
        records: Whether the daemon keeps records.
    """

    def __init__(self, calls: int, console: Console, *, records: bool = True) -> None:
        self._calls = calls
        self._console = console
        self._records = records
        self._bench = Bench(Cores(None, None, None), 0.0)
        self._daemon: Daemon
        self._callers: Tool
        self._voice: Tool
        self._guests: Sipp

    def run(self, minutes: int) -> list[str]:
        """Run for so many minutes; returns what is wrong, a sentence each."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talkpath-soak-")))
            self._voice, url = stack.enter_context(self._bench.model())
            lanes = self._calls + _SPARE_LANES
            daemon = Daemon(
                folder, model_url=url, audio="pcmu", lanes=lanes, core=None, records=self._records
            )
            self._daemon = stack.enter_context(daemon)
            self._callers = stack.enter_context(self._bench.callers(daemon.address, "pcmu"))
            # What is made once and kept is made before the first look.
            self._callers.ask(orders.Dial(_WARM_UP_CALLS, _DIAL_RATE, hang_up_at_once=True))
            before = self._baseline()
            passed, wrong = self._load(folder, minutes)
            after = self._baseline(before)
            recorded = self._calls if self._records else 0
            larger = list(grown([minute.held for minute in passed], recorded))
            if larger and (skipped := sum(minute.skipped for minute in passed)):
                larger.append(
                    f"{skipped:.0f} frames were left out: the machine was too busy, and the model's audio "
                    "waits in memory; that alone makes workers grow"
                )
            wrong += [*kept(before, after), *larger]
            wrong += [f"{cause} in the log" for cause in ("Traceback", "call_broke") if cause in daemon.log()]
            self._tell_end(before, after)
        return wrong

    def _load(self, folder: Path, minutes: int) -> tuple[list[Minute], list[str]]:
        dialled = self._callers.ask(orders.Dial(self._calls, _DIAL_RATE))
        wrong = [f"{count} calls got {status}" for status, count in dialled.failed.items()]
        self._callers.tell(orders.Talk())
        arguments = ("-d", str(GUEST_MS), *_TIRELESS)
        passed: list[Minute] = []
        with Sipp(
            folder,
            "uac",
            target=self._daemon.address,
            calls=None,
            rate=GUESTS_PER_SECOND,
            arguments=arguments,
        ) as self._guests:
            time.sleep(5.0)
            self._console.print(_TITLE, soft_wrap=True)
            for number in range(1, minutes + 1):
                passed.append(self._minute())
                self._tell(number, passed[-1])
            wrong += self._send_guests_home()
        self._callers.ask(orders.HangUp())
        lost, filled = (sum(getattr(minute, what) for minute in passed) for what in ("lost", "filled"))
        wrong += [f"{lost} packets to the callers are missing"] if lost else []
        wrong += [f"{filled:.0f} frames of callers who lost nothing were made up"] if filled else []
        return passed, wrong

    def _send_guests_home(self) -> list[str]:
        """Let SIPp end its calls; it must not leave any without a BYE."""
        failed = self._guests.finish().failed
        return [f"{failed} calls that come and go failed"] if failed else []

    def _minute(self) -> Minute:
        self._callers.tell(orders.Begin())
        self._voice.tell(orders.Begin())
        before, dropped = self._daemon.metrics(), self._unread()
        time.sleep(60.0)
        heard = self._callers.ask(orders.Report())
        self._voice.ask(orders.Report())
        after, unread = self._daemon.metrics(), self._unread() - dropped

        def more(name: str) -> float:
            return figures.growth(before, after, f"talkpath_{name}")

        return Minute(
            held=look(self._daemon._pids),
            lost=max(figures.missing_packets(heard) - unread, 0),
            unread=unread,
            filled=more("uplink_filled_frames_total{lost}"),
            starved=more("playout_frames_total{starved}"),
            skipped=more("playout_frames_total{skipped}"),
            gap_p99=figures.send_jitter(heard).p99,
            guests=float(self._guests._result().succeeded),
        )

    def _baseline(self, wanted: dict[str, Held] | None = None) -> dict[str, Held]:
        """Wait until no call is left, and look."""
        wait_until(self._is_idle, "no calls, lanes and ports in use", timeout_s=_PATIENCE_S)
        if wanted is None:
            time.sleep(2.0)
        else:
            try:
                wait_until(lambda: not [*kept(wanted, look(self._daemon._pids))], "the baseline")
            except PeerError:
                self._console.print("[red]The baseline has not come back.")
        return look(self._daemon._pids)

    def _unread(self) -> int:
        """Packets of the daemon that the callers have not read in time so far."""
        pid = self._callers._process.pid
        return unread(pid) if pid is not None else 0

    def _is_idle(self) -> bool:
        metrics = self._daemon.metrics()
        active = sum(value for name, value in metrics.items() if name.startswith("talkpath_calls_active"))
        used = metrics.get("talkpath_lanes{used}", 0) + metrics.get("talkpath_rtp_ports{used}", 0)
        return active == 0 and used == 0

    def _tell(self, number: int, minute: Minute) -> None:
        memory = [minute.held[name].memory / 2**20 for name in ("worker", "sip", "supervisor")]
        descriptors, udp, tcp = (
            sum(getattr(held, what) for held in minute.held.values())
            for what in ("descriptors", "udp", "tcp")
        )
        self._console.print(
            f"{number:6d}  {minute.guests:6.0f}  {memory[0]:17.1f}  {memory[1]:5.1f}  {memory[2]:10.1f}"
            f"  {descriptors:4d}  {udp:4d}  {tcp:4d}  {minute.lost:4d}  {minute.unread:6d}"
            f"  {minute.filled:6.0f}  {minute.starved:7.0f}  {minute.gap_p99:10.1f}",
            highlight=False,
            soft_wrap=True,
        )

    def _tell_end(self, before: dict[str, Held], after: dict[str, Held]) -> None:
        for name, was in before.items():
            if (held := after.get(name)) is not None:
                self._console.print(
                    f"{name}: memory {was.memory / 2**20:.1f} to {held.memory / 2**20:.1f} MB, descriptors"
                    f" {was.descriptors} to {held.descriptors}, udp {was.udp} to {held.udp}, tcp {was.tcp} to"
                    f" {held.tcp}, threads {was.threads} to {held.threads}",
                    highlight=False,
                    soft_wrap=True,
                )


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="steady calls")
    parser.add_argument("--minutes", type=int, default=20, help="for so long")
    parser.add_argument("--no-records", action="store_true", help="the daemon keeps no records of calls")
    options = parser.parse_args()
    console = Console()
    wrong = Soak(options.calls, console, records=not options.no_records).run(options.minutes)
    for sentence in wrong:
        console.print(f"[red]{sentence}")
    if not wrong:
        console.print(f"{options.calls} calls, {options.minutes} minutes: all is back where it was.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
