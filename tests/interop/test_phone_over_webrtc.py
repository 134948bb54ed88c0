"""The test phone: a peer connection of aiortc in a browser's place calls the daemon's agents."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.listening import audible_spans, fit_tone, rungs_heard, write_bursts
from tests.harness.peers import wait_until
from tests.harness.webrtc_peer import RATE, WebRtcPeer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.simulator.reply import Turn

pytestmark = pytest.mark.daemon

TOKEN = "a-token-of-the-tests-only"  # noqa: S105 - protects nothing
READ_TOKEN = "another-token-of-the-tests"  # noqa: S105 - nor does this
PHONE = f"""
[phone]
enabled = true
max_calls = 1
addresses = ["127.0.0.1"]

[api]
operate.tester = "{TOKEN}"
read.watcher = "{READ_TOKEN}"
"""
CALLER_HZ = 1010
SPEECH = ((0, 1.4), (CALLER_HZ, 0.6), (0, 20))


@pytest.fixture(scope="module")
def model() -> Iterator[RunningSimulator]:
    with RunningSimulator(TonePersona(600)) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(model: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("daemon"), model_url=model.url, more=PHONE) as running:
        yield running


def url(daemon: Daemon) -> str:
    return f"http://{daemon.http_address}"


def offered(daemon: Daemon, **fields: str) -> httpx.Response:
    headers = authorised(fields.pop("token", TOKEN))
    body = {"agent": "reception", **fields}
    return httpx.post(f"{url(daemon)}/phone/offer", json=body, headers=headers, timeout=20)


def phone_sockets(daemon: Daemon) -> list[object]:
    """UDP sockets of the phone process: those of ICE, and those to lanes."""
    process = psutil.Process(daemon.pid_of("phone"))
    return [one for one in process.net_connections("inet") if one.type.name == "SOCK_DGRAM"]


def assert_baseline(daemon: Daemon) -> None:
    daemon.assert_baseline()
    wait_until(lambda: not phone_sockets(daemon), "sockets of the phone to be closed", log=daemon.log)


def utterances(peer: WebRtcPeer) -> list[tuple[int, int]]:
    """What the agent has said and finished."""
    heard = peer.heard()
    return [span for span in audible_spans(heard, rate=RATE) if span[1] < heard.size - RATE // 5]


def authorised(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_browser_and_agent_hear_each_other_until_the_browser_hangs_up(
    daemon: Daemon, model: RunningSimulator
) -> None:
    with WebRtcPeer(parts=SPEECH) as peer:
        call = peer.call(url(daemon), token=TOKEN)
        wait_until(lambda: len(utterances(peer)) >= 2, "greeting and answer", log=daemon.log)
        deleted = httpx.delete(f"{url(daemon)}/phone/calls/{call}", headers=authorised())
        assert deleted.status_code == 204
        ended = daemon.wait_for("call_ended", call=call)
        first, last = utterances(peer)[0]
        assert rungs_heard(peer.heard()[first:last], rate=RATE) == [0, 1, 2]
    assert (ended["trunk"], ended["codec"], ended["ended_by"]) == ("console", "G722", "caller")
    assert (ended["outcome"], ended["rtp_lost"], ended["agent"]) == ("completed", 0, "reception")
    samples, rate = model.simulator.sessions[-1].input.recorded()
    [(first, last)] = audible_spans(samples, rate=rate, bridge_ms=500)
    assert (last - first) / rate > 0.5
    middle = (first + last) // 2
    fit = fit_tone(samples[middle - rate // 20 : middle + rate // 20], hertz=CALLER_HZ, rate=rate)
    assert fit.snr > 15, fit
    assert_baseline(daemon)


def test_the_process_that_reads_offers_holds_no_key(
    model: RunningSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
    with Daemon(tmp_path, model_url=model.url, more=PHONE) as daemon:
        names = {name: psutil.Process(daemon.pid_of(name)).environ() for name in ("phone", "worker-0")}
    assert "OPENAI_API_KEY" in names["worker-0"]
    assert "OPENAI_API_KEY" not in names["phone"]


def test_a_page_that_is_left_ends_the_call(daemon: Daemon) -> None:
    with WebRtcPeer() as peer:
        call = peer.call(url(daemon), token=TOKEN)
        daemon.wait_for("call_answered", call=call)
        peer.close()
        ended = daemon.wait_for("call_ended", call=call)
    assert (ended["ended_by"], ended["outcome"]) == ("caller", "completed")
    assert_baseline(daemon)


def test_only_who_has_the_token_may_call(daemon: Daemon) -> None:
    with WebRtcPeer() as peer:
        assert offered(daemon, sdp=peer.offer(), token="another").status_code == 401  # noqa: S106 - a wrong one
    assert httpx.get(f"{url(daemon)}/phone/agents").status_code == 401
    assert httpx.delete(f"{url(daemon)}/phone/calls/c-1").status_code == 401
    with WebRtcPeer() as peer:
        assert offered(daemon, sdp=peer.offer(), token=READ_TOKEN).status_code == 403
    assert httpx.get(f"{url(daemon)}/phone/agents", headers=authorised()).json() == {"agents": ["reception"]}


def test_what_cannot_become_a_call_is_refused_with_a_reason(daemon: Daemon) -> None:
    with WebRtcPeer() as peer:
        offer = peer.offer()
    torn = offer.replace("a=mid:0\r\n", "a=mid\r\na=setup:wrong\r\n")
    refusals = {
        "no offer": (offered(daemon, sdp="v=0"), 400, "one stream of audio"),
        "video": (offered(daemon, sdp=offer + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), 400, "nothing else"),
        "torn": (
            offered(daemon, sdp=torn),
            400,
            "read",
        ),
        "nobody": (offered(daemon, sdp=offer, agent="nobody"), 404, "There is no agent nobody"),
    }
    for name, (answer, status, words) in refusals.items():
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), (name, answer.text)
    unknown = httpx.delete(f"{url(daemon)}/phone/calls/c-1", headers=authorised())
    assert unknown.status_code == 404
    assert_baseline(daemon)


def test_one_browser_more_than_allowed_is_told_that_the_phone_is_busy(daemon: Daemon) -> None:
    with WebRtcPeer() as first, WebRtcPeer() as second:
        first.call(url(daemon), token=TOKEN)
        busy = offered(daemon, sdp=second.offer())
        assert busy.status_code == 503
        assert "max_calls allows 1" in busy.json()["detail"]
    assert_baseline(daemon)


def test_an_interrupted_agent_stops_at_once(tmp_path: Path) -> None:
    with (
        RunningSimulator(TonePersona(20_000)) as model,
        Daemon(tmp_path, model_url=model.url, more=PHONE) as daemon,
        WebRtcPeer(parts=((0, 2.5), (CALLER_HZ, 4.0), (0, 30))) as peer,
    ):
        peer.call(url(daemon), token=TOKEN)
        daemon.wait_for("barge_in")
        wait_until(lambda: bool(utterances(peer)), "the agent to be silent", log=daemon.log)
        peer.close()
        daemon.wait_for("call_ended")
        (first, last), *_ = utterances(peer)
        assert_baseline(daemon)
    [truncated] = [
        item for item in model.simulator.sessions[0].conversation.items if item.heard_ms is not None
    ]
    assert truncated.heard_ms == pytest.approx((last - first) * 1000 / RATE, abs=150)


def test_the_agents_goodbye_is_heard_before_the_browser_is_hung_up(tmp_path: Path) -> None:
    goodbye = Reply((Speech(tone_ladder(1000), "Goodbye."), FunctionCall("hang_up", "{}")))
    with (
        RunningSimulator(ScriptPersona([ScriptedTurn(reply=goodbye)])) as model,
        Daemon(tmp_path, model_url=model.url, more=PHONE) as daemon,
        WebRtcPeer() as peer,
    ):
        peer.call(url(daemon), token=TOKEN)
        wait_until(lambda: peer.state == "closed", "the browser to be hung up", log=daemon.log)
        assert daemon.wait_for("call_ended")["cause"] == "agent_hung_up"
        [(first, last)] = audible_spans(peer.heard(), rate=RATE)
        assert (last - first) / RATE == pytest.approx(1.0, abs=0.06)
        assert_baseline(daemon)


def test_keys_reach_the_model(daemon: Daemon, model: RunningSimulator) -> None:
    with WebRtcPeer() as peer:
        call = peer.call(url(daemon), token=TOKEN)
        daemon.wait_for("call_answered", call=call)
        for key in "42":
            sent = httpx.post(
                f"{url(daemon)}/phone/calls/{call}/keys", json={"key": key}, headers=authorised()
            )
            assert sent.status_code == 204
        wrong = httpx.post(f"{url(daemon)}/phone/calls/{call}/keys", json={"key": "x"}, headers=authorised())
        assert wrong.status_code == 422
        session = model.simulator.sessions[-1]
        wait_until(lambda: "42" in str(session.conversation.items), "the keys", log=daemon.log)
        peer.close()
        assert daemon.wait_for("call_ended", call=call)["digits"] == 2
    assert_baseline(daemon)


def test_without_a_model_the_browser_is_told_so(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, model_url="ws://127.0.0.1:9/v1/realtime", more=PHONE) as daemon,
        WebRtcPeer() as peer,
    ):
        answer = offered(daemon, sdp=peer.offer())
        assert answer.status_code == 503
        ended = daemon.wait_for("call_ended")
        assert (ended["outcome"], ended["cause"]) == ("refused", "model_unavailable")
        assert_baseline(daemon)


@pytest.mark.parametrize("victim", ["phone", "worker-0"])
def test_a_process_that_dies_ends_the_call_and_comes_back(
    model: RunningSimulator, tmp_path: Path, victim: str
) -> None:
    with Daemon(tmp_path, model_url=model.url, more=PHONE) as daemon:
        with WebRtcPeer() as peer:
            call = peer.call(url(daemon), token=TOKEN)
            daemon.wait_for("call_answered", call=call)
            os.kill(daemon.pid_of(victim), signal.SIGKILL)
            who = "call_ended" if victim == "phone" else "phone_call_ended"
            daemon.wait_for(who, call=call)
        wait_until(lambda: daemon.health()["processes"][victim]["ready"], "the process to be back")
        assert_baseline(daemon)
        with WebRtcPeer() as peer:
            again = peer.call(url(daemon), token=TOKEN)
            daemon.wait_for("call_answered", call=again)
        daemon.wait_for("call_ended", call=again)
        assert_baseline(daemon)


class Receptionist:
    """Greets, and transfers at the caller's first word."""

    name = "receptionist"
    blocking = False

    def transcribe(self, heard: object) -> str:
        """Nothing is understood."""
        return "somebody speaks" if heard else ""

    def reply(self, turn: Turn) -> Reply:
        """Speak first, then transfer."""
        words = Speech(tone_ladder(400), "One moment.")
        if turn.heard is None:
            return Reply((words,))
        return Reply(
            (words, FunctionCall("transfer_call", json.dumps({"target": "sales", "reason": "a bicycle"})))
        )


@pytest.mark.interop
def test_a_browser_that_cannot_be_referred_is_joined_with_the_human(tmp_path: Path) -> None:
    write_bursts(tmp_path / "speech.wav", ((770, 40.0),))
    account = "<sip:human@127.0.0.1>;regint=0;answermode=auto;audio_codecs=pcmu"
    human = Baresip(tmp_path, account=account, speech=tmp_path / "speech.wav")
    targets = f"""
[[targets]]
name = "sales"
description = "Orders."
uri = "sip:human@127.0.0.1:{human.port}"
mode = "blind"

[[trunks]]
name = "pbx"
match = ["127.0.0.1"]
agent = "reception"
"""
    agent = '[agents.reception.transfer]\ntargets = ["sales"]'
    parts = ((0, 1.8), (CALLER_HZ, 0.6), (0, 3.0), (CALLER_HZ, 40.0))
    with (
        human,
        RunningSimulator(Receptionist()) as model,
        Daemon(tmp_path, model_url=model.url, agent=agent, more=PHONE + targets) as daemon,
        WebRtcPeer(parts=parts) as peer,
    ):
        peer.call(url(daemon), token=TOKEN)
        wait_until(
            lambda: hears(peer.heard(), 770, rate=RATE) and hears(human.heard(), CALLER_HZ, rate=8000),
            "browser and human to hear each other",
            log=daemon.log,
        )
        peer.close()
        ended = daemon.wait_for("call_ended")
        assert (ended["outcome"], ended["transfer"], ended["transfer_target"]) == (
            "transferred",
            "bridged",
            "sales",
        )
        human.wait_for_event("CALL_CLOSED")
        assert_baseline(daemon)


def hears(samples: NDArray[np.int16], hertz: int, *, rate: int) -> bool:
    """Whether the last half second was this tone and little else."""
    last = samples[-rate // 2 :]
    if last.size < rate // 2:
        return False
    fit = fit_tone(last, hertz=hertz, rate=rate)
    return fit.snr > 12 and fit.peak > 3000
