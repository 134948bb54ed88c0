"""Calls over the registered trunk of docs/asterisk.md; baresip is the caller, and what it hears is whole."""

from __future__ import annotations

import itertools
import json
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, ladder_fits
from tests.harness.peers import wait_until
from tests.interop.asterisk_page import (
    ENVIRONMENT,
    RATE,
    assert_ladder,
    dial,
    pbx,
    phone,
    registering,
    wait_for_spans,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from talkpath.bridge.simulator.session import RealtimeSession
    from tests.harness.asterisk import Asterisk

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

CALLER_HZ = 1010
HELD_S = 1.5
HOLD = re.compile(r"\na=sendonly\r?\n(.*\n)*?.*SIP/2.0 200 OK(.*\n)*?.*a=recvonly")
CODECS = {"PCMU": ["PCMU", "PCMA"], "PCMA": ["PCMA", "PCMU"]}


@pytest.fixture(autouse=True, scope="module")
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asterisk]:
    with pbx(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


@pytest.fixture(scope="module")
def trunk(
    request: pytest.FixtureRequest, asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Daemon, RunningSimulator]]:
    """A registered daemon with an audio format and a first codec; its model says a ladder of one second."""
    audio, codec = request.param
    configuration = registering(asterisk).replace("[realtime]\n", f'[realtime]\naudio = "{audio}"\n')
    configuration = configuration.replace("[sip]\n", f"[sip]\ncodecs = {json.dumps(CODECS[codec])}\n")
    with (
        RunningSimulator(TonePersona(1000)) as model,
        Daemon(tmp_path_factory.mktemp("trunk"), model_url=model.url, configuration=configuration) as daemon,
    ):
        daemon.wait_for("registration", registered=True)
        yield daemon, model


def channel_statistics(asterisk: Asterisk, name: str) -> dict[str, float]:
    """Asterisk's own figures about the RTP of a channel."""
    table = asterisk.cli("pjsip show channelstats")
    row = next(line for line in table.splitlines() if f" {name}" in line)
    names = (
        "received",
        "lost",
        "lost_percent",
        "jitter",
        "sent",
        "sent_lost",
        "sent_percent",
        "sent_jitter",
        "rtt",
    )
    return dict(zip(names, map(float, row.split()[-9:]), strict=True))


def assert_caller_was_heard(session: RealtimeSession, *, seconds: float) -> None:
    samples, rate = session.input.recorded()
    [(first, last)] = audible_spans(samples, rate=rate)
    assert (last - first) / rate == pytest.approx(seconds, abs=0.006)
    edge = rate // 100
    fit = fit_tone(samples[first + edge : last - edge], hertz=CALLER_HZ, rate=rate)
    assert fit.snr > 30, fit
    assert fit.peak == pytest.approx(8000, rel=0.03)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("trunk", "number", "codec"),
    [
        ((audio, codec), number, codec)
        for audio in ("pcm", "pcmu")
        for number, codec in ((100, "PCMU"), (101, "PCMA"))
    ],
    indirect=["trunk"],
)
def test_both_voices_cross_the_registered_trunk_whole(
    trunk: tuple[Daemon, RunningSimulator], asterisk: Asterisk, tmp_path: Path, number: int, codec: str
) -> None:
    daemon, model = trunk
    before = len(daemon.events("call_ended"))
    speech = [(0, 1.8), (CALLER_HZ, 1.0), (0, 30)]
    with phone(tmp_path, asterisk, number=number, speech=speech) as caller:
        dial(caller, asterisk)
        wait_for_spans(caller, 2)
        figures = channel_statistics(asterisk, "talkpath")
        caller.hang_up()
        caller.wait_for_event("CALL_CLOSED")
        ended = daemon.wait_for("call_ended", count=before + 1)
        greeting, answer = audible_spans(caller.heard(), rate=RATE)
        assert_ladder(caller, greeting)
        assert_ladder(caller, answer)
    assert_caller_was_heard(model.simulator.sessions[-1], seconds=1.0)
    assert (figures["lost"], figures["sent_lost"]) == (0, 0)
    assert figures["received"] > 150
    assert figures["jitter"] < 0.010, "seconds; half a packet"
    assert (ended["codec"], ended["trunk"], ended["ended_by"]) == (codec, "pbx", "caller")
    assert (ended["rtp_lost"], ended["rtp_late"], ended["frames_starved"]) == (0, 0, 0)
    wait_until(lambda: asterisk.channels() == [], "Asterisk's channels to end")
    daemon.assert_baseline()


@pytest.mark.parametrize("trunk", [("pcm", "PCMU")], indirect=True)
def test_both_sides_report_by_rtcp_what_they_receive(
    trunk: tuple[Daemon, RunningSimulator], asterisk: Asterisk, tmp_path: Path
) -> None:
    daemon, _ = trunk
    before = len(daemon.events("call_ended"))
    asterisk.cli("rtcp set debug on")
    with phone(tmp_path, asterisk, speech=[(0, 30)]) as caller:
        dial(caller, asterisk)
        rtp_port = int(daemon.wait_for("media", count=before + 1)["local"].rpartition(":")[2])
        # A round trip means something when our report answers one of Asterisk's.
        report = re.compile(
            rf"RTCP from 127\.0\.0\.1:{rtp_port + 1}\b(?:(?!RTCP from).)*?"
            r"Last SR\(our NTP\): (?!0\.0)(?:(?!RTCP from).)*?RTT: (\d\.\d+)\(sec\)",
            re.DOTALL,
        )
        wait_until(lambda: report.search(asterisk.log) is not None, "a round trip of ours")
        round_trips = report.findall(asterisk.log)
        caller.hang_up()
        caller.wait_for_event("CALL_CLOSED")
    asterisk.cli("rtcp set debug off")
    daemon.wait_for("call_ended", count=before + 1)
    daemon.assert_baseline()
    assert max(map(float, round_trips)) < 0.5, "reports are five seconds apart"
    wait_until(
        lambda: daemon.metric("talkpath_rtp_other_packets_total", kind="rtcp") > 0, "reports to be counted"
    )
    assert daemon.metric("talkpath_rtp_anomalies_total", cause="rtcp_malformed") == 0


@pytest.mark.alone
@pytest.mark.parametrize("trunk", [("pcm", "PCMU")], indirect=True)
def test_hold_silences_the_agent_and_the_same_stream_goes_on_at_resume(
    trunk: tuple[Daemon, RunningSimulator], asterisk: Asterisk, tmp_path: Path
) -> None:
    daemon, _ = trunk
    before = len(daemon.events("call_ended"))
    asterisk.cli("rtp set debug on")
    speech = [(0, 5.0), (CALLER_HZ, 0.6), (0, 4.4), (CALLER_HZ, 0.6), (0, 30)]
    with phone(tmp_path, asterisk, speech=speech) as caller:
        dial(caller, asterisk)
        wait_for_spans(caller, 1)
        caller.command("hold")
        held = daemon.wait_for("media", sends=False, receives=True)
        call = held["call"]
        held_since = time.monotonic()
        wait_until(lambda: HOLD.search(asterisk.log) is not None, "the answer to the hold")
        wait_until(lambda: time.monotonic() - held_since > HELD_S, "a hold that can be noticed")
        caller.command("resume")
        daemon.wait_for("media", count=2, call=call, sends=True)
        recording = record(asterisk)
        wait_until(lambda: len(spans_of(recording)) == 1, "the agent's answer")
        caller.hang_up()
        daemon.wait_for("call_ended", count=before + 1)
    asterisk.cli("rtp set debug off")
    samples = np.frombuffer(recording.read_bytes(), np.int16)
    fits = ladder_fits(samples, first=spans_of(recording)[0][0], rungs=5, rate=RATE)
    assert min(fit.snr for fit in fits) > 30, fits
    packets = our_packets(asterisk, held["local"])
    gaps = {(b[0] - a[0]) % 65536 for a, b in itertools.pairwise(packets)}
    assert gaps == {1}, "one stream: its sequence goes on where it stopped"
    pauses = [(b[1] - a[1]) % 2**32 for a, b in itertools.pairwise(packets)]
    [held_for] = [pause for pause in pauses if pause != 160]
    assert held_for >= HELD_S * RATE, "RTP goes on while held"
    daemon.assert_baseline()


def record(asterisk: Asterisk) -> Path:
    """Let Asterisk record what it gets from Talkpath: baresip ends its own recording at a hold."""
    [channel] = [line.partition("!")[0] for line in asterisk.channels() if line.startswith("PJSIP/talkpath")]
    path = asterisk.spool / "received.sln"
    asterisk.cli(f"mixmonitor start {channel} {asterisk.spool}/both.sln,r({path})")
    return path


def spans_of(recording: Path) -> list[tuple[int, int]]:
    """Utterances in a raw recording that have come to their end."""
    data = recording.read_bytes() if recording.exists() else b""
    samples = np.frombuffer(data, np.int16, count=len(data) // 2)
    return [span for span in audible_spans(samples, rate=RATE) if span[1] < samples.size - RATE // 4]


def our_packets(asterisk: Asterisk, local: str) -> list[tuple[int, int]]:
    """Sequence and timestamp of each RTP packet that Asterisk got from that address."""
    pattern = rf"Got  RTP packet from +{re.escape(local)} \(type 00, seq (\d+), ts (\d+)"
    return [(int(a), int(b)) for a, b in re.findall(pattern, asterisk.log)]


@pytest.mark.parametrize("trunk", [("pcm", "PCMU")], indirect=True)
def test_keys_that_asterisk_sends_reach_the_model_as_text(
    trunk: tuple[Daemon, RunningSimulator], asterisk: Asterisk
) -> None:
    daemon, model = trunk
    before = len(daemon.events("call_ended"))
    asterisk.cli("channel originate PJSIP/700@talkpath application SendDTMF 42#")
    ended = daemon.wait_for("call_ended", count=before + 1)
    assert ended["digits"] == 3
    said = " ".join(item.text for item in model.simulator.sessions[-1].conversation.remembered())
    assert [key for key in "42#" if key not in said] == [], said
    daemon.assert_baseline()


def test_the_agents_goodbye_is_heard_to_its_end_before_it_hangs_up(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    goodbye = Reply((Speech(tone_ladder(2000), "Goodbye."), FunctionCall("hang_up", "{}")))
    with (
        RunningSimulator(ScriptPersona([ScriptedTurn(reply=goodbye)])) as model,
        Daemon(tmp_path, model_url=model.url, configuration=registering(asterisk)) as daemon,
        phone(tmp_path, asterisk, speech=[(0, 30)]) as caller,
    ):
        daemon.wait_for("registration", registered=True)
        dial(caller, asterisk)
        caller.wait_for_event("CALL_CLOSED")
        ended = daemon.wait_for("call_ended")
        assert (ended["ended_by"], ended["cause"], ended["outcome"]) == ("us", "agent_hung_up", "completed")
        [span] = audible_spans(caller.heard(), rate=RATE)
        assert_ladder(caller, span, rungs=10)
        wait_until(lambda: asterisk.channels() == [], "Asterisk's channels to end")
        daemon.assert_baseline()


def test_an_interrupted_agent_stops_and_the_model_is_told_what_the_caller_heard(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    with (
        RunningSimulator(TonePersona(20_000)) as model,
        Daemon(tmp_path, model_url=model.url, configuration=registering(asterisk)) as daemon,
        phone(tmp_path, asterisk, speech=[(0, 2.5), (CALLER_HZ, 4.0), (0, 30)]) as caller,
    ):
        daemon.wait_for("registration", registered=True)
        dial(caller, asterisk)
        daemon.wait_for("barge_in")
        wait_for_spans(caller, 1)
        caller.hang_up()
        daemon.wait_for("call_ended")
        heard = caller.heard()
        (first, last), *_ = audible_spans(heard, rate=RATE)
        daemon.assert_baseline()
    session = model.simulator.sessions[0]
    [truncated] = [item for item in session.conversation.items if item.heard_ms is not None]
    assert truncated.heard_ms == pytest.approx((last - first) * 1000 / RATE, abs=40)
    assert fit_tone(heard[first : first + RATE // 10], hertz=1020, rate=RATE).snr > 10
    [(spoke, _)] = audible_spans(session.input.recorded()[0], rate=24_000)
    assert last / RATE - spoke / 24_000 < 1.0, "of the twenty seconds that it had to say"
