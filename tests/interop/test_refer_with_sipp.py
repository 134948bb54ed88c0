"""REFERs of ours with SIPp as the caller."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.sipp import Sipp
from tests.sip.double import running, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: `make peers`"),
]

SCENARIOS = Path(__file__).parent / "scenarios"
ENDED = "terminated;reason=noresource"


def transfer(
    folder: Path, scenario: str, keys: dict[str, str], enough: Callable[[SipProcessDouble], bool]
) -> list[tuple[str, int]]:
    """Let SIPp call, refer it to the desk, hang up when enough is known; returns the stages."""
    text = (SCENARIOS / f"{scenario}.xml").read_text()
    for name, value in keys.items():  # SIPp itself takes no key in a status line
        text = text.replace(f"[{name}]", value)
    played = folder / "played.xml"
    played.write_text(text)
    with running(settings()) as sip:
        target = ("127.0.0.1", sip.port)
        with Sipp(folder, played, target=target) as sipp:
            call = sip.expect(m.IncomingCall).call
            sip.send(m.Answer(call=call, rtp_port=30_000))
            sip.expect(m.CallConfirmed)
            sip.send(m.Refer(call=call, refer_to="sip:desk@pbx.example"))
            sip.run_until(lambda: enough(sip))
            sip.send(m.HangUp(call=call))
            sip.expect(m.CallEnded)
            result = sipp.wait()
        assert result.succeeded == 1, result.report
        return [(one.stage, one.status) for one in sip.seen(m.ReferProgress)]


def told(stage: str) -> Callable[[SipProcessDouble], bool]:
    return lambda sip: any(one.stage == stage for one in sip.seen(m.ReferProgress))


@pytest.mark.parametrize(
    ("fragment", "state", "outcome"),
    [
        ("SIP/2.0 200 OK", ENDED, ("done", 200)),
        ("SIP/2.0 486 Busy Here", ENDED, ("done", 486)),
        ("SIP/2.0 100 Trying", "terminated;reason=giveup", ("lost", 0)),
        ("this is no status line", ENDED, ("lost", 0)),
    ],
)
def test_what_a_report_says(tmp_path: Path, fragment: str, state: str, outcome: tuple[str, int]) -> None:
    stages = transfer(tmp_path, "refer", {"fragment": fragment, "state": state}, told(outcome[0]))
    assert (stages[0], stages[-1]) == (("accepted", 202), outcome)


def test_a_report_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    def counted(sip: SipProcessDouble) -> bool:
        return sip.counters().get("notify:malformed") == 1

    stages = transfer(tmp_path, "refer", {"fragment": "garbage", "state": "active;expires=60"}, counted)
    assert stages == [("accepted", 202), ("lost", 0)]


@pytest.mark.parametrize("answer", ["403 Forbidden", "405 Method Not Allowed", "603 Decline"])
def test_a_refusal(tmp_path: Path, answer: str) -> None:
    stages = transfer(tmp_path, "refer_answered_only", {"answer": answer}, told("refused"))
    assert stages == [("refused", int(answer[:3]))]


def test_a_caller_who_accepts_and_falls_silent_is_still_ours(tmp_path: Path) -> None:
    stages = transfer(tmp_path, "refer_answered_only", {"answer": "202 Accepted"}, told("accepted"))
    assert stages == [("accepted", 202), ("lost", 0)]
