"""Encrypted calls with stacks that are not ours: baresip directly, and Asterisk as a trunk."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.harness.asterisk import Asterisk, telephone
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, ladder_fits, write_bursts
from tests.harness.page import replaced, snippets
from tests.harness.peers import wait_until
from tests.harness.telephone import tone_packets, udp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.simulator.session import RealtimeSession

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

PAGE = snippets(Path(__file__).parents[2] / "docs/asterisk.md")
RATE = 8000
CALLER_HZ = 1010
SPEECH = ((0, 1.4), (CALLER_HZ, 0.6), (0, 30))
TRUNK = """
[[trunks]]
name = "peer"
match = ["127.0.0.0/8"]
srtp = "{policy}"
"""


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator(TonePersona(600)) as running:
        yield running


@pytest.fixture(scope="module", params=["off", "optional", "mandatory"])
def daemon(
    request: pytest.FixtureRequest, model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    more = TRUNK.format(policy=request.param)
    with Daemon(tmp_path_factory.mktemp(request.param), model_url=model.url, more=more) as running:
        yield running


def under(*policies: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("daemon", policies, indirect=True)


def softphone(folder: Path, encryption: str) -> Baresip:
    """A phone that speaks, with one of baresip's kinds of encryption, or none."""
    speech = folder / "speech.wav"
    write_bursts(speech, SPEECH)
    wanted = f";mediaenc={encryption}" if encryption else ""
    return Baresip(folder, account=f"<sip:caller@127.0.0.1>;regint=0{wanted}", speech=speech)


def dial(caller: Baresip, daemon: Daemon) -> None:
    caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
    caller.wait_for_event("CALL_ESTABLISHED")


def answers(caller: Baresip) -> list[tuple[int, int]]:
    """Utterances of the agent that have come to their end."""
    samples = caller.heard()
    return [span for span in audible_spans(samples, rate=RATE) if span[1] < samples.size - RATE // 5]


def assert_caller_was_heard(session: RealtimeSession) -> None:
    samples, rate = session.input.recorded()
    [(first, last)] = audible_spans(samples, rate=rate)
    fit = fit_tone(samples[first + rate // 100 : last - rate // 100], hertz=CALLER_HZ, rate=rate)
    assert (last - first) / rate == pytest.approx(0.6, abs=0.006)
    assert fit.snr > 35, fit


def anomalies(daemon: Daemon) -> dict[str, float]:
    """What was refused because of SRTP so far."""
    causes = ("srtp_unauthenticated", "srtp_replayed", "srtp_malformed", "srtp_sources")
    return {cause: daemon.metric("talkpath_rtp_anomalies_total", cause=cause) for cause in causes}


def reports(daemon: Daemon) -> float:
    return daemon.metric("talkpath_rtp_other_packets_total", kind="rtcp")


@pytest.mark.parametrize(
    ("daemon", "encryption"),
    [("mandatory", "srtp-mand"), ("mandatory", "srtp"), ("optional", "srtp"), ("optional", "srtp-mand")],
    indirect=["daemon"],
)
def test_a_softphone_and_the_agent_hear_each_other_encrypted(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path, encryption: str
) -> None:
    ended, before = len(daemon.events("call_ended")), anomalies(daemon)
    with softphone(tmp_path, encryption) as caller:
        dial(caller, daemon)
        wait_until(lambda: len(answers(caller)) == 2, "greeting and answer", log=lambda: caller.log)
        caller.hang_up()
        record = daemon.wait_for("call_ended", count=ended + 1)
        for first, _ in answers(caller):
            fits = ladder_fits(caller.heard(), first=first, rungs=3, rate=RATE)
            assert min(fit.snr for fit in fits) > 35, fits
    assert_caller_was_heard(model.simulator.sessions[-1])
    assert record["rtp_lost"] == 0
    wait_until(lambda: anomalies(daemon) == before, "no packet refused")
    assert daemon.events("media")[-1]["srtp"]
    assert "inline" not in daemon.log().replace("inline:***", "")
    daemon.assert_baseline()


@pytest.mark.parametrize(
    ("daemon", "encryption"), [("off", "srtp-mand"), ("mandatory", "")], indirect=["daemon"]
)
def test_what_the_policy_forbids_is_answered_with_488(
    daemon: Daemon, tmp_path: Path, encryption: str
) -> None:
    with softphone(tmp_path, encryption) as caller:
        caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
        caller.wait_for_event("CALL_CLOSED")
        assert any("488" in str(event.get("param", "")) for event in caller.events), caller.events


@pytest.mark.parametrize(
    ("daemon", "encryption"), [("off", ""), ("off", "srtp"), ("optional", "")], indirect=["daemon"]
)
def test_a_call_without_encryption_is_plain(daemon: Daemon, tmp_path: Path, encryption: str) -> None:
    before = len(daemon.events("call_ended"))
    with softphone(tmp_path, encryption) as caller:
        dial(caller, daemon)
        wait_until(lambda: len(answers(caller)) == 1, "greeting", log=lambda: caller.log)
        assert not daemon.events("media")[-1]["srtp"]
        caller.hang_up()
        daemon.wait_for("call_ended", count=before + 1)


@under("mandatory")
def test_hold_and_resume_stay_encrypted(daemon: Daemon, tmp_path: Path) -> None:
    ended, media, before = len(daemon.events("call_ended")), len(daemon.events("media")), anomalies(daemon)
    with softphone(tmp_path, "srtp-mand") as caller:
        dial(caller, daemon)
        wait_until(lambda: len(answers(caller)) >= 1, "greeting", log=lambda: caller.log)
        caller.command("hold")
        daemon.wait_for("media", count=media + 2)
        caller.command("resume")
        daemon.wait_for("media", count=media + 3)
        received = daemon.metric("talkpath_rtp_packets_total", direction="in")
        wait_until(
            lambda: daemon.metric("talkpath_rtp_packets_total", direction="in") > received + 50, "speech"
        )
        caller.hang_up()
        record = daemon.wait_for("call_ended", count=ended + 1)
    assert record["outcome"] == "completed"
    assert anomalies(daemon) == before


@under("mandatory")
def test_plain_rtp_in_an_encrypted_call_is_neither_heard_nor_answered(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path
) -> None:
    ended = len(daemon.events("call_ended"))
    latched, media = len(daemon.events("rtp_latched")), len(daemon.events("media"))
    refused = anomalies(daemon)["srtp_unauthenticated"]
    stranger, pause = udp("127.0.0.1"), threading.Event()
    with softphone(tmp_path, "srtp-mand") as caller:
        dial(caller, daemon)
        port = int(daemon.wait_for("media", count=media + 1)["local"].rpartition(":")[2])
        for packet in tone_packets(2000, 100, ssrc=0xBAD):
            stranger.sendto(packet, ("127.0.0.1", port))
            pause.wait(0.02)
        wait_until(lambda: len(answers(caller)) == 2, "greeting and answer", log=lambda: caller.log)
        caller.hang_up()
        daemon.wait_for("call_ended", count=ended + 1)
    wait_until(lambda: anomalies(daemon)["srtp_unauthenticated"] == refused + 100, "every packet counted")
    assert len(daemon.events("rtp_latched")) == latched + 1
    assert_caller_was_heard(model.simulator.sessions[-1])
    with pytest.raises(BlockingIOError):
        stranger.recv(2048)
    stranger.close()


@pytest.mark.parametrize(
    ("policy", "lines"),
    [
        ("mandatory", "media_encryption = sdes"),
        ("optional", "media_encryption = sdes\nmedia_encryption_optimistic = yes\nsrtp_tag_32 = yes"),
    ],
    ids=["savp", "avp-with-short-tag"],
)
def test_asterisk_and_the_agent_hear_each_other_encrypted(
    model: RunningSimulator, tmp_path: Path, policy: str, lines: str
) -> None:
    with (
        Daemon(tmp_path, model_url=model.url, more=TRUNK.format(policy=policy)) as daemon,
        Asterisk(
            tmp_path, pjsip=telephone(100) + endpoint(daemon, lines), extensions=PAGE["extensions.conf"]
        ) as pbx,
    ):
        speech = tmp_path / "speech.wav"
        write_bursts(speech, SPEECH)
        account = f"<sip:100@127.0.0.1:{pbx.port}>;auth_pass=secret;audio_codecs=pcmu;answermode=auto"
        with Baresip(tmp_path, account=account, speech=speech) as caller:
            caller.wait_for_event("REGISTER_OK")
            caller.dial(f"sip:700@127.0.0.1:{pbx.port}")
            caller.wait_for_event("CALL_ESTABLISHED")
            wait_until(lambda: len(answers(caller)) == 2, "greeting and answer", log=lambda: caller.log)
            for first, _ in answers(caller):
                fits = ladder_fits(caller.heard(), first=first, rungs=3, rate=RATE)
                assert min(fit.snr for fit in fits) > 30, fits
            if policy == "mandatory":  # under the short tag Asterisk's RTCP is not that of RFC 4568
                wait_until(lambda: reports(daemon) > 0, "a report of Asterisk's")
            caller.hang_up()
            record = daemon.wait_for("call_ended")
        assert_caller_was_heard(model.simulator.sessions[-1])
        assert daemon.events("media")[-1]["srtp"]
        assert (record["rtp_lost"], set(anomalies(daemon).values())) == (0, {0})
        assert "SRTP unprotect failed" not in pbx.log
        daemon.assert_baseline()


def endpoint(daemon: Daemon, lines: str) -> str:
    """The page's IP trunk, for this daemon, with these lines in its endpoint."""
    changes = {
        "sip:192.0.2.20:5060": f"sip:127.0.0.1:{daemon.address[1]}",
        "match = 192.0.2.20": "match = 127.0.0.2",
        "context = from-talkpath": f"context = from-talkpath\n{lines}",
    }
    return replaced(PAGE["pjsip.conf: IP trunk"], changes)
