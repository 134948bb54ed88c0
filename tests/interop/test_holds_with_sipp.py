"""Re-INVITEs of ours that hold a caller, and what SIPp says to them: yes, no, not now, who are you."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.scenario import PCMU, ack, answer, bye, invite, progress, receive, write_scenario
from tests.harness.sipp import Sipp
from tests.sip.double import running, settings

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: `make peers`"),
]

REINVITE = '<recv request="INVITE"/>\n'
ACK = '<recv request="ACK"/>\n'
HELD = f"{PCMU}\na=recvonly"


def test_a_hold_that_collides_is_offered_again_until_it_is_taken(tmp_path: Path) -> None:
    refused = [REINVITE, answer("491 Request Pending"), ACK]
    steps = [invite(PCMU), progress(), receive(200), ack(), *refused, *refused]
    steps += [REINVITE, answer("200 OK", sdp=HELD), ACK, bye()]
    with running(settings()) as sip:
        scenario = write_scenario(tmp_path, *steps)
        with Sipp(tmp_path, scenario, target=("127.0.0.1", sip.port)) as sipp:
            call = sip.expect(m.IncomingCall).call
            sip.send(m.Answer(call=call, rtp_port=30_000))
            sip.expect(m.CallConfirmed)
            sip.send(m.Hold(call=call, on=True))
            sip.expect(m.MediaUpdated, lambda told: not told.media.receives)
            sip.expect(m.CallEnded)
            result = sipp.wait()
    assert result.succeeded == 1, result.report
    assert [(told.on, told.status) for told in sip.seen(m.HoldAnswered)] == [(True, 200)]
    offers = [part for part in result.messages.split("INVITE sip:caller@")[1:] if "a=sendonly" in part]
    numbers = [re.search(r"CSeq: (\d+) INVITE", part) for part in offers]
    assert len({number[1] for number in numbers if number}) == 3, "each try is a request of its own"


def test_a_peer_that_always_collides_is_let_be(tmp_path: Path) -> None:
    refused = [REINVITE, answer("491 Request Pending"), ACK]
    steps = [invite(PCMU), progress(), receive(200), ack(), *(refused * 5), bye()]
    with running(settings()) as sip:
        scenario = write_scenario(tmp_path, *steps)
        with Sipp(tmp_path, scenario, target=("127.0.0.1", sip.port)) as sipp:
            call = sip.expect(m.IncomingCall).call
            sip.send(m.Answer(call=call, rtp_port=30_000))
            sip.expect(m.CallConfirmed)
            sip.send(m.Hold(call=call, on=True))
            assert sip.expect(m.HoldAnswered).status == 491
            sip.expect(m.CallEnded)
            assert sipp.wait().succeeded == 1


CHALLENGE = 'WWW-Authenticate: Digest realm="pbx", nonce="n{n}", algorithm=MD5, qop="auth"\n'
TRUNK = m.TrunkSettings(
    name="pbx", source_networks=("127.0.0.0/8",), username="bridge", password=m.Secret("correct horse")
)
TAKEN = [REINVITE, answer("200 OK", sdp=HELD), ACK]
TAKEN_BACK = [REINVITE, answer("200 OK", sdp=f"{PCMU}\na=sendrecv"), ACK]


def challenged(number: int) -> list[str]:
    return [REINVITE, answer("401 Unauthorized", headers=CHALLENGE.format(n=number)), ACK]


@pytest.mark.parametrize(
    ("trunk", "steps", "expected", "receives"),
    [
        ((TRUNK,), [*challenged(1), *TAKEN, *TAKEN_BACK], [(True, 200), (False, 200)], [True, False, True]),
        (
            (TRUNK,),
            [*challenged(1), *TAKEN, *challenged(2), *TAKEN_BACK],
            [(True, 200), (False, 200)],
            [True, False, True],
        ),
        ((TRUNK,), [*challenged(1), *challenged(1), *TAKEN_BACK], [(True, 401), (False, 200)], [True, True]),
        ((), [*challenged(1), *TAKEN_BACK], [(True, 401), (False, 200)], [True, True]),
        (
            (),
            [REINVITE, answer("488 Not Acceptable Here"), ACK, *TAKEN_BACK],
            [(True, 488), (False, 200)],
            [True, True],
        ),
        (
            (),
            [*TAKEN, REINVITE, answer("488 Not Acceptable Here"), ACK],
            [(True, 200), (False, 488)],
            [True, False],
        ),
    ],
    ids=["challenged", "challenged twice", "turned away", "no password", "refused", "not taken back"],
)
def test_what_becomes_of_a_hold_and_of_its_end_is_told(
    tmp_path: Path,
    trunk: tuple[m.TrunkSettings, ...],
    steps: list[str],
    expected: list[tuple[bool, int]],
    receives: list[bool],
) -> None:
    with running(settings(trunks=trunk)) as sip:
        scenario = write_scenario(tmp_path, invite(PCMU), progress(), receive(200), ack(), *steps, bye())
        with Sipp(tmp_path, scenario, target=("127.0.0.1", sip.port)) as sipp:
            call = sip.expect(m.IncomingCall).call
            sip.send(m.Answer(call=call, rtp_port=30_000))
            sip.expect(m.CallConfirmed)
            for on in (True, False):
                sip.send(m.Hold(call=call, on=on))
                sip.expect(m.HoldAnswered)
            assert sip.expect(m.CallEnded).by == "caller"
            result = sipp.wait()
    assert result.succeeded == 1, result.report
    assert [(told.on, told.status) for told in sip.seen(m.HoldAnswered)] == expected
    assert [told.media.receives for told in sip.seen(m.MediaUpdated)] == receives
    assert ("Authorization: Digest" in result.messages) == bool(trunk)
    assert "correct horse" not in result.messages
