"""Wide-band calls with Asterisk and a softphone: tones of 5 kHz, which no narrow-band call carries."""

from __future__ import annotations

import socket
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import LAWS
from talkpath.bridge.simulator.audio import tone
from talkpath.bridge.simulator.reply import Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from talkpath.codecs import rtp
from talkpath.codecs.g722 import G722Encoder
from talkpath.sip.sdp import parse
from tests.harness.asterisk import Asterisk
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, write_bursts
from tests.harness.peers import wait_until
from tests.sip.phone import Phone, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import PhoneCodec

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

RATE = 16_000
MODEL_HZ, CALLER_HZ = 5_000, 5_210
SPEECH = ((0, 1.8), (CALLER_HZ, 1.0), (0, 30))
PAYLOAD_TYPES: dict[PhoneCodec, int] = {"PCMU": 0, "PCMA": 8, "G722": 9}

_ENDPOINTS = """
[phone]
type = endpoint
context = internal
disallow = all
allow = g722
auth = phone
aors = phone
direct_media = no
[phone]
type = auth
auth_type = userpass
username = phone
password = secret
[phone]
type = aor
max_contacts = 1
[talkpath]
type = endpoint
context = internal
disallow = all
allow = ulaw,g722
aors = talkpath
direct_media = no
[talkpath]
type = aor
contact = sip:{host}:{port}
"""
_DIALPLAN = "[internal]\nexten => 700,1,Dial(PJSIP/700@talkpath,30)\n"


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    says = Reply((Speech(tone(MODEL_HZ, 1000), "Tone."),))
    persona = ScriptPersona([ScriptedTurn(reply=says)] * 2)
    with RunningSimulator(persona, record_s=60.0) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    with Daemon(folder, model_url=model.url, sip='codecs = ["G722", "PCMU", "PCMA"]') as running:
        yield running


def assert_wide(samples: NDArray[np.int16], *, hertz: float, rate: int, least: float) -> None:
    """One second of a tone, whole, and as clear as G.722 leaves it."""
    [(first, last)] = audible_spans(samples, rate=rate)
    assert (last - first) / rate == pytest.approx(1.0, abs=0.012)
    edge = rate // 50
    fit = fit_tone(samples[first + edge : last - edge], hertz=hertz, rate=rate)
    assert fit.snr > least, fit


def called(caller: Baresip, uri: str) -> None:
    caller.dial(uri)
    caller.wait_for_event("CALL_ESTABLISHED")

    def answered() -> bool:
        samples = caller.heard()
        spans = audible_spans(samples, rate=RATE)
        return bool(spans) and spans[0][1] < samples.size - RATE // 4

    wait_until(answered, "the tone of the model", timeout_s=15, log=lambda: caller.log)


def assert_both_heard(daemon: Daemon, model: RunningSimulator, caller: Baresip, calls: int) -> None:
    session = model.simulator.sessions[-1]

    def caller_is_over() -> bool:
        samples, rate = session.input.recorded()
        spans = audible_spans(samples, rate=rate)
        return bool(spans) and spans[0][1] < samples.size - rate // 4

    wait_until(caller_is_over, "the caller's tone", timeout_s=15)
    greeting = caller.heard()[: 3 * RATE // 2]
    caller.hang_up()
    ended = daemon.wait_for("call_ended", count=calls)
    assert (ended["codec"], ended["outcome"], ended["rtp_lost"]) == ("G722", "completed", 0)
    assert_wide(greeting, hertz=MODEL_HZ, rate=RATE, least=20)
    samples, rate = session.input.recorded()
    assert rate == 24_000
    assert_wide(samples, hertz=CALLER_HZ, rate=rate, least=20)
    daemon.assert_baseline()


def test_both_voices_cross_an_asterisk_in_the_wide_band(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path
) -> None:
    calls = len(daemon.events("call_ended"))
    endpoints = _ENDPOINTS.format(host=daemon.address[0], port=daemon.address[1])
    speech = tmp_path / "speech.wav"
    write_bursts(speech, SPEECH, rate=RATE)
    with Asterisk(tmp_path, pjsip=endpoints, extensions=_DIALPLAN) as asterisk:
        account = f"<sip:phone@127.0.0.1:{asterisk.port}>;auth_pass=secret;audio_codecs=g722"
        with Baresip(tmp_path, account=account, speech=speech) as caller:
            caller.wait_for_event("REGISTER_OK")
            called(caller, f"sip:700@127.0.0.1:{asterisk.port}")
            assert_both_heard(daemon, model, caller, calls + 1)


def test_a_softphone_and_the_agent_hear_each_other_in_the_wide_band(
    daemon: Daemon, model: RunningSimulator, tmp_path: Path
) -> None:
    calls = len(daemon.events("call_ended"))
    speech = tmp_path / "speech.wav"
    write_bursts(speech, SPEECH, rate=RATE)
    account = "<sip:caller@127.0.0.1>;regint=0;audio_codecs=g722"
    with Baresip(tmp_path, account=account, speech=speech) as caller:
        called(caller, f"sip:700@127.0.0.1:{daemon.address[1]}")
        assert_both_heard(daemon, model, caller, calls + 1)


class Talker:
    """Speaks a tone of 600 Hz in whatever codec is agreed, 50 packets a second, and keeps what comes."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.target = ("127.0.0.1", 9)
        self.packets: list[bytes] = []
        self._codec: PhoneCodec = "PCMU"
        self._encoder = G722Encoder()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="talker")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self.socket.close()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def speak(self, codec: PhoneCodec, target: tuple[str, int]) -> None:
        self._encoder = G722Encoder()
        self._codec, self.target = codec, target
        if not self._thread.is_alive():
            self._thread.start()

    def heard(self) -> list[tuple[int, int, bytes]]:
        """Payload type, sequence number and payload of each packet."""
        return [(p[1] & 0x7F, int.from_bytes(p[2:4], "big"), p[12:]) for p in self.packets]

    def _run(self) -> None:
        due, number = time.monotonic(), 0
        while not self._over.wait(max(due - time.monotonic(), 0)):
            codec = self._codec
            rate = RATE if codec == "G722" else 8_000
            at = (number * rate // 50 + np.arange(rate // 50)) / rate
            samples = (8_000 * np.sin(2 * np.pi * 600 * at)).astype(np.int16)
            encoded = (
                self._encoder.encode(samples) if codec == "G722" else LAWS[codec].encode(samples).tobytes()
            )
            payload = np.frombuffer(encoded, np.uint8)[None]
            packet = rtp.build(payload, PAYLOAD_TYPES[codec], number & 0xFFFF, number * 160, 7, number == 0)
            self.socket.sendto(packet.tobytes(), self.target)
            number, due = number + 1, due + 0.02
            self._drain()

    def _drain(self) -> None:
        while True:
            try:
                self.packets.append(self.socket.recv(2_048))
            except BlockingIOError:
                return


def test_a_re_invite_changes_the_codec_without_a_gap(daemon: Daemon, model: RunningSimulator) -> None:
    order: tuple[PhoneCodec, ...] = ("PCMU", "G722", "PCMA")
    calls = len(daemon.events("call_ended"))
    with Phone(daemon.address[1]) as phone, Talker() as talker:
        for number, codec in enumerate(order, 1):
            kind = PAYLOAD_TYPES[codec]
            offer = (
                f"v=0\r\no=- 1 {number} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {talker.port} RTP/AVP {kind}\r\na=rtpmap:{kind} {codec}/8000\r\n"
            )
            phone.send(phone.request("INVITE", offer, cseq=number, branch=f"{phone.branch}{number}"))
            answer = phone.final("INVITE")
            phone.send(phone.request("ACK", cseq=number, branch=f"{phone.branch}ack{number}"))
            assert status_of(answer) == 200
            audio = parse(answer.body).audio
            assert audio is not None
            assert [each.name for each in audio.codecs] == [codec]
            talker.speak(codec, (audio.address, audio.port))
            before = len(talker.packets)
            wait_until(lambda: len(talker.packets) > before + 75, "1.5 s of packets")  # noqa: B023 - used at once
        phone.send(phone.request("BYE", cseq=9, branch=f"{phone.branch}bye"))
        assert status_of(phone.final("BYE")) == 200
        daemon.wait_for("call_ended", count=calls + 1)
        packets = talker.heard()
    assert [kind for kind, _ in groups(packets)] == [PAYLOAD_TYPES[codec] for codec in order]
    assert {(later - first) & 0xFFFF for (_, first, _), (_, later, _) in pairwise(packets)} == {1}
    assert longest_silence(model.simulator.sessions[-1].input.recorded()[0], 24_000) < 0.045
    daemon.assert_baseline()


def groups(packets: list[tuple[int, int, bytes]]) -> list[tuple[int, bytes]]:
    """The payload types in their order, and what was sent with each."""
    found: list[tuple[int, bytes]] = []
    for kind, _, payload in packets:
        if not found or found[-1][0] != kind:
            found.append((kind, b""))
        found[-1] = (kind, found[-1][1] + payload)
    return found


def longest_silence(samples: NDArray[np.int16], rate: int) -> float:
    """Seconds of the longest pause within what is heard."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1_500)
    return float(np.diff(loud).max() / rate)
