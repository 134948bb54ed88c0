"""From nothing to a call, as a reader of the pages would do it: ``make walkthrough``.

The snippets are those of docs/asterisk.md, the commands are those of the pages. What is real: Asterisk, a
telephone (baresip) that speaks, the daemon, Prometheus, and a browser where there is one. What is not: the
model, for which the simulator stands, and the addresses, which are all this machine's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.harness.peers import PeerError
from tests.walkthrough.stage import Stage
from tests.walkthrough.tour import Tour

FOLDER: Final = Path("build/walkthrough")


def walk(tour: Tour, stage: Stage) -> None:
    """All steps, in the order of the pages."""
    tour.step("Asterisk: endpoint and dialplan of docs/asterisk.md, a telephone with the number 100")
    stage.start_asterisk()

    tour.step("Talkpath: the file of the same page, checked")
    tour.talkpath("check")

    tour.step("A model: the simulator, which listens and talks without a key")
    tour.note(f"talkpath simulator → {stage.start_simulator()}")

    tour.step("The daemon starts and registers")
    stage.start_daemon()
    tour.show("asterisk -rx 'pjsip show contacts'", stage.asterisk.cli("pjsip show contacts"))
    tour.talkpath("doctor", may_fail=True)

    tour.step("Prometheus scrapes it")
    tour.show("promtool query instant 'talkpath_registration_up'", stage.start_prometheus())

    tour.step("The console, in a browser")
    tour.note("open" if stage.open_console() else "no Chromium here; make peers installs it")

    tour.step("The telephone dials 700 and asks for the opening hours")
    if picture := stage.call():
        tour.keep(picture)
    tour.show("the log", stage.conversation())

    tour.step("What became of it")
    tour.talkpath("calls")
    tour.talkpath("show", stage.call_id())
    tour.show("promtool query instant 'talkpath_calls_total > 0'", stage.calls_counted())

    tour.step("The end: SIGTERM, and nothing is left")
    tour.note(f"the daemon ended with status {stage.stop_daemon()}")


def main() -> int:
    """Walk; returns 0 when every step did what it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.walkthrough", description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where files go (default: {FOLDER})")
    parser.add_argument("--pictures", type=Path, help="copy the pictures into this folder, too")
    given = parser.parse_args()
    tour = Tour(Console(width=110, soft_wrap=True), given.folder, given.pictures)
    try:
        with Stage(tour.folder) as stage:
            walk(tour, stage)
    except (PeerError, AssertionError) as error:
        sys.stderr.write(f"walkthrough: {tour.where}: {error}\n")
        return 1
    tour.note(f"all of it is in {tour.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
