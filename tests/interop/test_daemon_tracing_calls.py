"""One key through SIP, media, model and tools, for one call alone; and Homer, with a real daemon."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.sip.phone import OFFER, Phone, status_of
from tests.sip.test_trace import chunks

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]


def called(daemon: Daemon, number: str) -> str:
    """Call as this number, hang up, and return our id of the call."""
    before = len(daemon.events("call_answered"))
    with Phone(daemon.address[1]) as phone:

        def request(method: str, body: str = "", cseq: int = 1, branch: str = "") -> bytes:
            whole = phone.request(method, body, cseq=cseq, branch=branch).decode()
            return whole.replace("<sip:ann@127.0.0.1>;tag", f"<sip:{number}@127.0.0.1>;tag").encode()

        phone.send(request("INVITE", OFFER))
        assert status_of(phone.final("INVITE")) == 200
        phone.send(request("ACK", branch=f"{phone.branch}a"))
        call = str(daemon.wait_for("call_answered", count=before + 1)["call"])
        daemon.wait_for("said", call=call)
        phone.send(request("BYE", cseq=2, branch=f"{phone.branch}b"))
        assert status_of(phone.final("BYE")) == 200
    daemon.wait_for("call_ended", call=call)
    return call


def test_one_caller_is_logged_in_full_and_the_others_as_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKPATH_LOG__LEVEL", "info")
    monkeypatch.setenv("TALKPATH_LOG__DEBUG_CALLERS", '["77*"]')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as homer:
        homer.bind(("127.0.0.1", 0))
        homer.settimeout(10)
        more = f'[homer]\naddress = "127.0.0.1:{homer.getsockname()[1]}"\n'
        with (
            RunningSimulator(TonePersona(400)) as model,
            Daemon(tmp_path, model_url=model.url, more=more) as daemon,
        ):
            plain, traced = called(daemon, "880"), called(daemon, "770")
            wait_until(lambda: len(daemon.events("sip_message", call=traced)) >= 4, "SIP messages")
            assert daemon.events("call_step", call=traced)
            assert not daemon.events("call_step", call=plain)
            assert not daemon.events("sip_message", call=plain)
            shown = daemon.events("sip_message", call=traced)
            first = [(line["direction"], line["text"].split("\r\n")[0]) for line in shown]
            assert first[0][0] == "received"
            assert first[0][1].startswith("INVITE")
            assert ("sent", "SIP/2.0 200 OK") in first
            assert any(text.startswith("BYE") for _, text in first)
            keys = {line["sip_call_id"] for line in daemon.events("call_ended", call=traced)}
            for name in ("sip_message", "call_step", "model_ready", "media", "call_answered", "said"):
                lines = daemon.events(name, call=traced)
                assert lines, name
                assert {line["sip_call_id"] for line in lines} == keys, "one key for all"
            got = chunks(homer.recv(65_536))
            assert got[15].startswith(b"INVITE")
            assert (got[8], got[17].decode()) == (
                daemon.address[1].to_bytes(2, "big"),
                daemon.events("call_ended", call=plain)[0]["sip_call_id"],
            )
            daemon.assert_baseline()
