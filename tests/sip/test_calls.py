"""Whole calls with SIPp as the telephone, the PBX and the registrar."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from talkpath.sip import messages as m
from talkpath.sip.listeners import has_ipv6
from tests.harness.peers import free_port
from tests.harness.sipp import Sipp
from tests.sip.double import running, settings, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.sipp import SippResult
    from tests.sip.double import SipProcessDouble

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: `make peers`"),
]

SCENARIOS = Path(__file__).parent.parent / "interop" / "scenarios"
PORTS = {4: "127.0.0.1", 6: "::1"}


def answer_everything(sip: SipProcessDouble) -> Callable[[m.AnyMessage], None]:
    """A worker that takes every call."""

    def on_message(message: m.AnyMessage) -> None:
        if isinstance(message, m.IncomingCall):
            sip.send(m.Ring(call=message.call, rtp_port=30_000))
            sip.send(m.Answer(call=message.call, rtp_port=30_000))

    return on_message


def play(
    sip: SipProcessDouble, folder: Path, scenario: str, *arguments: str, calls: int = 1, rate: int = 10
) -> SippResult:
    """Run a scenario against the SIP process while the worker answers."""
    sip.on_message = sip.on_message or answer_everything(sip)
    target = ("127.0.0.1", sip.port)
    with Sipp(
        folder, SCENARIOS / f"{scenario}.xml", target=target, calls=calls, rate=rate, arguments=arguments
    ) as sipp:
        sip.run_until(lambda: sipp._process is None or sipp._process.poll() is not None, patience=30)
        return sipp.wait(timeout_s=1)


def place(sip: SipProcessDouble, port: int, **changes: object) -> None:
    fields = {
        "call": "c-out",
        "uri": f"sip:700@127.0.0.1:{port}",
        "rtp_port": 30_010,
        "vouched": True,
        **changes,
    }
    sip.send(m.PlaceCall(**fields))  # type: ignore[arg-type]  # a test names its fields itself


def test_a_call_is_answered_with_our_sdp_and_ended_by_the_caller(tmp_path: Path) -> None:
    with running(settings()) as sip:
        result = play(sip, tmp_path, "call")
        assert result.succeeded == 1, result.report
        ended = sip.expect(m.CallEnded)
        assert (ended.by, ended.status, ended.reason) == ("caller", 200, "Normal call clearing")
        kinds = [type(message) for message in sip.history if not isinstance(message, m.SipStatistics)]
    assert kinds == [m.Ready, m.IncomingCall, m.MediaUpdated, m.CallConfirmed, m.CallEnded]


def test_we_can_hang_up(tmp_path: Path) -> None:
    with running(settings()) as sip:
        answer = answer_everything(sip)

        def on_message(message: m.AnyMessage) -> None:
            answer(message)
            if isinstance(message, m.CallConfirmed):
                sip.send(m.HangUp(call=message.call, reason="done"))

        sip.on_message = on_message
        result = play(sip, tmp_path, "call_answered_then_bye_from_us")
        assert result.succeeded == 1, result.report
        assert sip.expect(m.CallEnded).by == "us"


def test_hold_is_answered_with_the_right_direction(tmp_path: Path) -> None:
    with running(settings()) as sip:
        result = play(sip, tmp_path, "hold")
        assert result.succeeded == 1, result.report
        directions = [(update.media.sends, update.media.receives) for update in sip.seen(m.MediaUpdated)]
    assert directions == [(True, True), (False, True), (False, True), (False, False), (True, True)]


def test_a_hold_of_ours_survives_a_collision_and_is_taken_back(tmp_path: Path) -> None:
    with running(settings()) as sip:
        answer = answer_everything(sip)

        def on_message(message: m.AnyMessage) -> None:
            answer(message)
            match message:
                case m.CallConfirmed():
                    sip.send(m.Hold(call=message.call, on=True))
                case m.MediaUpdated() if not message.media.receives:
                    sip.send(m.Hold(call=message.call, on=False))
                case m.MediaUpdated() if len(sip.seen(m.MediaUpdated)) == 3:
                    sip.send(m.HangUp(call=message.call))

        sip.on_message = on_message
        result = play(sip, tmp_path, "held_by_us")
        assert result.succeeded == 1, result.report
        directions = [(update.media.sends, update.media.receives) for update in sip.seen(m.MediaUpdated)]
    assert directions == [(True, True), (True, False), (True, True)]


def test_a_delayed_offer_is_ours_and_the_answer_is_read_from_the_ack(tmp_path: Path) -> None:
    with running(settings()) as sip:
        result = play(sip, tmp_path, "delayed_offer")
        assert result.succeeded == 1, result.report
        codecs = [(update.media.codec, update.media.dtmf_payload_type) for update in sip.seen(m.MediaUpdated)]
    assert codecs == [("PCMA", 101), ("PCMU", 101)]


def test_a_key_that_travels_as_info_is_told(tmp_path: Path) -> None:
    with running(settings()) as sip:
        result = play(sip, tmp_path, "info_digit")
        assert result.succeeded == 1, result.report
        digits = sip.seen(m.CallDigit)
    assert [(digit.digit, digit.duration_ms) for digit in digits] == [("7", 160)]


def test_tcp_carries_a_call(tmp_path: Path) -> None:
    port = free_port()
    with running(settings(listeners=(m.Listener(transport="tcp", host="127.0.0.1", port=port),))) as sip:
        result = play(sip, tmp_path, "call", "-t", "t1")
        assert result.succeeded == 1, result.report
        assert sip.seen(m.IncomingCall)[0].transport == "tcp"


def test_ipv6_carries_a_call_with_ipv6_media_or_is_refused_with_a_sentence(tmp_path: Path) -> None:
    port = free_port()
    options = settings(listeners=(m.Listener(transport="udp", host="::1", port=port),))
    if not has_ipv6():
        with start(options, port) as sip:
            assert "has no IPv6" in sip.expect(m.ListenFailed).problem
            assert sip.process.wait(5) == 3
        return
    with running(options) as sip:
        sip.on_message = answer_everything(sip)
        command = [
            "sipp",
            "-sf",
            str(SCENARIOS / "call.xml"),
            f"[::1]:{port}",
            "-i",
            "::1",
            "-m",
            "1",
            "-nostdin",
        ]
        log = tmp_path / "screen.log"
        with log.open("wb") as screen:
            sipp = subprocess.Popen(command, stdout=screen, stderr=screen, stdin=subprocess.DEVNULL)
        sip.run_until(lambda: sipp.poll() is not None, patience=20)
        assert sipp.returncode == 0, log.read_text()[-3000:]
        media = sip.seen(m.MediaUpdated)[0].media
    assert (media.local_address, media.remote_address) == ("::1", "::1")


def test_tls_answers_options(certificate: m.TlsSettings) -> None:
    port = free_port()
    listener = m.Listener(transport="tls", host="127.0.0.1", port=port)
    context = ssl.create_default_context(cafile=certificate.certificate_file)
    request = (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/TLS 127.0.0.1:{port};branch=z9hG4bKtls;rport\r\n"
        "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: tls\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    with (
        running(settings(listeners=(listener,), tls=certificate)),
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(request.encode())
        assert secure.recv(4096).startswith(b"SIP/2.0 200 OK")


def test_a_trunk_registers_with_digest_and_takes_it_back_at_the_end(tmp_path: Path) -> None:
    with Sipp(tmp_path, SCENARIOS / "registrar.xml", calls=1) as registrar:
        trunk = m.TrunkSettings(
            name="pbx",
            registrar=f"sip:127.0.0.1:{registrar.port}",
            username="bridge",
            password=m.Secret("correct horse"),
        )
        with running(settings(trunks=(trunk,))) as sip:
            state = sip.expect(m.RegistrationState)
            assert (state.trunk, state.registered, state.status) == ("pbx", True, 200)
            assert 60 < state.expires_in <= 120
            sip.expect_gauge("registrations", 1)
        result = registrar.wait()
    assert result.succeeded == 1, result.report
    assert "correct horse" not in result.messages


def test_a_refused_registration_is_told(tmp_path: Path) -> None:
    with Sipp(tmp_path, SCENARIOS / "registrar.xml", calls=1) as registrar:
        trunk = m.TrunkSettings(
            name="pbx",
            registrar=f"sip:127.0.0.1:{registrar.port}",
            username="bridge",
            password=m.Secret("no"),
        )
        with running(settings(trunks=(trunk,))) as sip:
            state = sip.expect(m.RegistrationState)
    assert (state.registered, state.status) == (False, 403)


def test_an_outgoing_call_is_answered_and_hung_up(tmp_path: Path) -> None:
    with Sipp(tmp_path, "uas", calls=1) as callee, running(settings()) as sip:
        place(
            sip, callee.port, headers=(("X-Summary", "wants an invoice"),), from_uri="sip:+4930@example.com"
        )
        sip.expect(m.CallRinging)
        media = sip.expect(m.MediaUpdated).media
        assert (media.codec, media.remote_port, media.local_port) == ("PCMU", callee.media_port, 30_010)
        sip.expect(m.CallConfirmed)
        sip.send(m.HangUp(call="c-out"))
        assert sip.expect(m.CallEnded).by == "us"
        result = callee.wait()
    assert result.succeeded == 1, result.report
    assert "X-Summary: wants an invoice" in result.messages
    assert "From: <sip:+4930@example.com>" in result.messages


def test_busy_is_told_with_the_reason_of_the_other_side(tmp_path: Path) -> None:
    with Sipp(tmp_path, SCENARIOS / "busy.xml", calls=1) as callee, running(settings()) as sip:
        place(sip, callee.port)
        ended = sip.expect(m.CallEnded)
    assert (ended.by, ended.status, ended.reason) == ("callee", 486, "User busy")
    assert ended.outcome is m.Outcome.BUSY


def test_an_outgoing_call_that_nobody_answers_is_cancelled_in_time(tmp_path: Path) -> None:
    with Sipp(tmp_path, SCENARIOS / "never_answers.xml", calls=1) as callee, running(settings()) as sip:
        place(sip, callee.port, ring_timeout=0.5)
        ended = sip.expect(m.CallEnded)
        result = callee.wait()
    assert (ended.by, ended.status, ended.outcome) == ("failure", 408, m.Outcome.NO_ANSWER)
    assert result.succeeded == 1, result.report


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uri": "not a uri"}, "cannot be placed"),
        ({"trunk": "nowhere"}, "nowhere"),
        ({"uri": "sip:"}, "cannot be placed"),
        ({"vouched": False}, "not in allow of [sip.outbound]"),
    ],
)
def test_a_call_that_cannot_be_placed_ends_at_once(changes: dict[str, object], words: str) -> None:
    with running(settings()) as sip:
        place(sip, 5060, **changes)
        ended = sip.expect(m.CallEnded)
        assert ended.by == "failure"
        assert words in ended.reason
        sip.expect_gauge("calls", 0)


@pytest.mark.alone
def test_fifty_calls_a_second_leave_nothing_behind(tmp_path: Path) -> None:
    """More calls than the wheel holds at once end in 503, never in silence; our own build takes them all."""
    with running(settings(calls_per_second_per_source=1000.0)) as sip:
        whole = "1024 calls" in sip.seen(m.Ready)[0].detail
        calls = 200 if whole else 4
        process = psutil.Process(sip.process.pid)
        before, descriptors = sum(process.cpu_times()[:2]), process.num_fds()
        result = play(sip, tmp_path, "call", calls=calls, rate=50 if whole else 4)
        assert result.succeeded == calls, result.report
        spent = sum(process.cpu_times()[:2]) - before
        sip.run_until(lambda: len(sip.seen(m.CallEnded)) == calls)
        sip.expect_gauge("calls", 0)
        assert process.num_fds() == descriptors
    print(f"CPU per call: {spent / calls * 1000:.2f} ms")  # noqa: T201  a figure for the report, see `pytest -s`
