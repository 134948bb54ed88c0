"""A telephone of another maker that we hold and take back: baresip, which called us or which we called."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.baresip import Baresip
from tests.harness.listening import write_bursts
from tests.sip.double import running, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="needs baresip: `make peers`"),
]


def connected(sip: SipProcessDouble, phone: Baresip, *, by_us: bool) -> str:
    """Our id of an answered call."""
    if by_us:
        uri = f"sip:phone@127.0.0.1:{phone.port}"
        sip.send(m.PlaceCall(call="c-ours", uri=uri, rtp_port=30_000, vouched=True))
        phone.wait_for_event("CALL_INCOMING")
        phone.answer()
    else:
        phone.dial(f"sip:700@127.0.0.1:{sip.port}")
        call = sip.expect(m.IncomingCall).call
        sip.send(m.Answer(call=call, rtp_port=30_000))
    return sip.expect(m.CallConfirmed).call


@pytest.mark.parametrize("by_us", [False, True])
def test_a_telephone_is_held_and_taken_back_twice(tmp_path: Path, by_us: bool) -> None:
    speech = tmp_path / "speech.wav"
    write_bursts(speech, ((0, 20),))
    account = "<sip:phone@127.0.0.1>;regint=0;audio_codecs=pcmu"
    with running(settings()) as sip, Baresip(tmp_path, account=account, speech=speech) as phone:
        call = connected(sip, phone, by_us=by_us)
        for on in (True, False, True, False):
            sip.expect(m.MediaUpdated, lambda told: told.media.sends)
            sip.send(m.Hold(call=call, on=on))
            told = sip.expect(m.HoldAnswered)
            assert (told.on, told.status) == (on, 200)
        sip.expect(m.MediaUpdated)
        phone.hang_up()
        assert sip.expect(m.CallEnded).by == ("callee" if by_us else "caller")
    receives = [told.media.receives for told in sip.seen(m.MediaUpdated)]
    assert receives == [True, False, True, False, True]
    assert all(told.media.sends for told in sip.seen(m.MediaUpdated)), "our music may come"
