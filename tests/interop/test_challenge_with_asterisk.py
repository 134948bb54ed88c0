"""Asterisk calls a trunk that asks for user name and password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip import messages as m
from tests.harness.asterisk import Asterisk, neighbour
from tests.harness.peers import free_port, wait_until
from tests.sip.double import running, settings

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")
pytestmark = pytest.mark.interop

_ANSWER = """
[bridge]
type = auth
auth_type = digest
username = asterisk
password = {password}
"""


def calling_with(password: str, port: int) -> str:
    """The part of pjsip.conf for a SIP process on this port, and what it is told when it asks who calls."""
    ours = neighbour("bridge", f"sip:600@127.0.0.1:{port}", context="from-sip", more="outbound_auth = bridge")
    return ours + _ANSWER.format(password=password)


def settings_with_challenge() -> m.SipSettings:
    trunk = m.TrunkSettings(
        name="pbx",
        source_networks=("127.0.0.0/8",),
        challenge=True,
        username="asterisk",
        password=m.Secret("correct horse"),
    )
    return settings(trunks=(trunk,))


def test_with_the_right_password_the_call_comes_through(tmp_path: Path) -> None:
    with running(settings_with_challenge()) as sip:
        pjsip = calling_with("correct horse", sip.port)
        with Asterisk(
            tmp_path, pjsip=pjsip, extensions="[from-sip]\n", modules=["res_clioriginate"]
        ) as asterisk:
            asterisk.cli("channel originate PJSIP/bridge application Echo")
            call = sip.expect(m.IncomingCall)
            assert call.trunk == "pbx"
            assert "correct horse" not in repr(call)
            assert not [name for name, _ in call.headers if "auth" in name.lower()]
            sip.send(m.Answer(call=call.call, rtp_port=free_port()))
            sip.expect(m.CallConfirmed)
            sip.send(m.HangUp(call=call.call))
            assert sip.expect(m.CallEnded).by == "us"
            wait_until(lambda: asterisk.channels() == [], "the call to end", log=lambda: asterisk.log)
        sip.expect_counter("refused:challenged")


def test_with_a_wrong_password_it_does_not(tmp_path: Path) -> None:
    with running(settings_with_challenge()) as sip:
        pjsip = calling_with("wrong", sip.port)
        with Asterisk(
            tmp_path, pjsip=pjsip, extensions="[from-sip]\n", modules=["res_clioriginate"]
        ) as asterisk:
            asterisk.cli("channel originate PJSIP/bridge application Echo")
            sip.expect_counter("refused:wrong_password")
            wait_until(lambda: asterisk.channels() == [], "the call to end", log=lambda: asterisk.log)
        assert not sip.seen(m.IncomingCall)
