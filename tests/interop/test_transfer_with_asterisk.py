"""Transfers through Asterisk: a caller, us as the trunk that answers, and a target, all on one PBX."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.asterisk import Asterisk, neighbour
from tests.harness.peers import free_port, wait_until
from tests.harness.sipp import Sipp
from tests.harness.tone import write_tone
from tests.sip.double import running, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")
pytestmark = pytest.mark.interop

_DIALPLAN = """
[from-sip]
exten => 600,1,Dial(PJSIP/talkpath)
exten => 200,1,Dial(PJSIP/200)
exten => 486,1,Busy(1)
"""


class Office:
    """A PBX with a caller who talks to us, and a desk phone that answers."""

    def __init__(self, asterisk: Asterisk, sip: SipProcessDouble, caller: Sipp, desk: Sipp) -> None:
        self.asterisk, self.sip, self.caller, self.desk = asterisk, sip, caller, desk

    def answered_call(self) -> str:
        """The caller dials 600; we answer."""
        self.caller.start()
        call = self.sip.expect(m.IncomingCall).call
        self.sip.send(m.Answer(call=call, rtp_port=free_port()))
        self.sip.expect(m.CallConfirmed)
        # Asterisk joins the two only after its own 200 to the caller, and refuses a transfer before that.
        self.wait_for("PJSIP/sipp", "PJSIP/talkpath")
        return call

    def extension(self, number: str) -> str:
        return f"sip:{number}@127.0.0.1:{self.asterisk.port}"

    def outcome(self, call: str) -> m.ReferProgress:
        return self.sip.expect(
            m.ReferProgress,
            lambda one: one.call == call and one.stage in {"done", "refused", "lost"},
        )

    def wait_for(self, *names: str) -> None:
        """Wait until these channels, and no others, share one bridge."""

        def joined() -> bool:
            channels = [line.split("!") for line in self.asterisk.channels()]
            bridges = {fields[12] for fields in channels}
            found = sorted(fields[0].rpartition("-")[0] for fields in channels)
            return found == sorted(names) and len(bridges) == 1 and all(bridges)

        wait_until(joined, f"{names} to be joined", log=lambda: self.asterisk.log)

    def close(self) -> None:
        """End what is left and see that nothing is."""
        with contextlib.suppress(AssertionError):
            self.asterisk.cli("channel request hangup all")
        wait_until(
            lambda: self.asterisk.channels() == [], "all channels to end", log=lambda: self.asterisk.log
        )
        self.sip.expect_gauge("calls", 0)


def music(folder: Path) -> dict[str, str]:
    """Configuration of a music on hold, a second of one tone."""
    songs = folder / "moh"
    songs.mkdir()
    write_tone(songs / "song.wav", frequency=440.0, rate=8_000, seconds=1.0)
    return {"musiconhold.conf": f"[default]\nmode = files\ndirectory = {songs}\n"}


@pytest.fixture(params=["off", "mandatory"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """The office, once with plain RTP and once with SRTP between Asterisk and us."""
    anywhere = m.OutboundSettings(allow=("*",))
    trunk = m.TrunkSettings(
        name="pbx", source_networks=("127.0.0.0/8",), srtp=request.param, outbound=anywhere
    )
    options = settings(trunks=(trunk,))
    port = options.listeners[0].port
    desk = Sipp.server(tmp_path, "uas")
    caller = Sipp(tmp_path, "uac", target=("127.0.0.1", 0), arguments=("-s", "600", "-d", "60000"))
    secure = "media_encryption = sdes" if request.param == "mandatory" else ""
    pjsip = "".join(
        neighbour(name, f"sip:{name}@127.0.0.1:{where}", context="from-sip", more=more)
        for name, where, more in (
            ("talkpath", port, secure),
            ("200", desk.port, ""),
            ("sipp", caller.port, ""),
        )
    )
    with (
        Asterisk(tmp_path, pjsip=pjsip, extensions=_DIALPLAN, files=music(tmp_path)) as asterisk,
        running(options) as sip,
        desk,
    ):
        caller._target = ("127.0.0.1", asterisk.port)
        made = Office(asterisk, sip, caller, desk)
        yield made
        made.close()
        caller.stop()


def test_a_blind_transfer_joins_the_caller_with_the_target(office: Office) -> None:
    call = office.answered_call()
    office.sip.send(
        m.Refer(call=call, refer_to=office.extension("200"), referred_by="sip:talkpath@127.0.0.1")
    )
    outcome = office.outcome(call)
    assert (outcome.stage, outcome.status // 100) == ("done", 2)
    office.sip.send(m.HangUp(call=call))
    office.sip.expect(m.CallEnded)
    office.wait_for("PJSIP/sipp", "PJSIP/200")


def test_an_attended_transfer_joins_the_caller_with_whom_we_asked(office: Office) -> None:
    call = office.answered_call()
    office.sip.send(
        m.PlaceCall(call="c-consult", uri=office.extension("200"), rtp_port=free_port(), trunk="pbx")
    )
    office.sip.expect(m.CallConfirmed, lambda one: one.call == "c-consult")
    office.sip.send(m.Refer(call=call, replaces_call="c-consult"))
    assert office.outcome(call).status == 200
    assert office.sip.expect(m.CallEnded, lambda one: one.call == "c-consult").by == "callee"
    office.sip.send(m.HangUp(call=call))
    office.sip.expect(m.CallEnded, lambda one: one.call == call)
    office.wait_for("PJSIP/sipp", "PJSIP/200")


def test_a_target_that_does_not_exist_leaves_the_caller_with_us(office: Office) -> None:
    call = office.answered_call()
    office.sip.send(m.Refer(call=call, refer_to=office.extension("999")))
    outcome = office.outcome(call)
    assert (outcome.stage, outcome.status) in {("done", 404), ("refused", 404)}
    assert not [one for one in office.sip.inbox if isinstance(one, m.CallEnded)]
    assert len(office.asterisk.channels()) == 2


def held(office: Office, call: str) -> None:
    """We put the caller on hold, and they hear the PBX's music."""
    office.sip.send(m.Hold(call=call, on=True))
    answer = office.sip.expect(m.HoldAnswered)
    assert (answer.on, answer.status) == (True, 200)
    settled = office.sip.expect(m.MediaUpdated, lambda told: not told.media.receives).media
    assert settled.sends, "our comfort sound may go on"
    wait_until(
        lambda: "Started music on hold" in office.asterisk.log, "music", log=lambda: office.asterisk.log
    )


def test_a_caller_whom_we_hold_hears_the_music_of_the_pbx_until_we_take_them_back(office: Office) -> None:
    call = office.answered_call()
    office.sip.inbox.clear()
    held(office, call)
    assert "Stopped music on hold" not in office.asterisk.log
    office.sip.send(m.Hold(call=call, on=False))
    assert office.sip.expect(m.HoldAnswered).status == 200
    assert office.sip.expect(m.MediaUpdated).media.receives
    wait_until(lambda: "Stopped music on hold" in office.asterisk.log, "the end of it")


def test_a_held_caller_is_joined_with_whom_we_asked_and_hears_no_more_music(office: Office) -> None:
    call = office.answered_call()
    held(office, call)
    office.sip.send(
        m.PlaceCall(call="c-consult", uri=office.extension("200"), rtp_port=free_port(), trunk="pbx")
    )
    office.sip.expect(m.CallConfirmed, lambda one: one.call == "c-consult")
    office.sip.send(m.Refer(call=call, replaces_call="c-consult"))
    assert office.outcome(call).status == 200
    office.sip.send(m.HangUp(call=call))
    office.sip.expect(m.CallEnded, lambda one: one.call == call)
    office.wait_for("PJSIP/sipp", "PJSIP/200")
    wait_until(lambda: "Stopped music on hold" in office.asterisk.log, "the end of the music")
