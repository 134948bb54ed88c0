"""The daemon behind a proxy that records routes and asks for passwords, as docs/kamailio.md says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.baresip import Baresip
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.kamailio import Kamailio
from tests.harness.listening import write_bursts
from tests.harness.page import for_daemon, replaced, snippets
from tests.harness.peers import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.simulator.reply import Persona

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

PAGE = snippets(Path(__file__).parents[2] / "docs/kamailio.md")
TRANSFER = """
[agents.reception.transfer]
targets = ["sales"]

[[targets]]
name = "sales"
description = "Orders."
uri = "101"
mode = "blind"
"""


@pytest.fixture(autouse=True, scope="module")
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNK_PASSWORD", "change-me")
        patch.setenv("OPENAI_API_KEY", "any")
        yield


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    port = free_port()
    configuration = replaced(PAGE["kamailio.cfg"], {"192.0.2.10:5060": f"127.0.0.1:{port}"})
    with Kamailio(tmp_path_factory.mktemp("kamailio"), configuration, port=port) as running:
        yield running


def daemon(
    folder: Path,
    proxy: Kamailio,
    model: RunningSimulator,
    command: tuple[str, ...] = ("run",),
    more: str = "",
) -> Daemon:
    changes = {"192.0.2.10:5060": f"127.0.0.1:{proxy.port}"}
    text = for_daemon(PAGE["talkpath.toml: Talkpath registers"], changes)
    return Daemon(folder, model_url=model.url, configuration=text + more, command=command)


def softphone(folder: Path, proxy: Kamailio, number: int, *, mode: str = "manual") -> Baresip:
    folder.mkdir()
    speech = folder / "speech.wav"
    write_bursts(speech, ((0, 60),))
    account = f"<sip:{number}@127.0.0.1:{proxy.port}>;auth_pass=secret;regint=60;audio_codecs=pcmu"
    return Baresip(folder, account=f"{account};answermode={mode}", speech=speech)


def model(*replies: Reply) -> RunningSimulator:
    persona: Persona = TonePersona(600)
    if replies:
        persona = ScriptPersona([ScriptedTurn(reply=reply) for reply in replies])
    return RunningSimulator(persona)


def registered(running: Daemon) -> None:
    wait_until(
        lambda: running.metric("talkpath_registration_up", trunk="kamailio") == 1,
        "the registration",
        log=running.log,
    )


def test_a_call_comes_in_and_the_agents_bye_takes_the_recorded_route(proxy: Kamailio, tmp_path: Path) -> None:
    goodbye = Reply((Speech(tone_ladder(600), "Goodbye."), FunctionCall("hang_up", "{}")))
    with (
        model(goodbye) as simulated,
        daemon(tmp_path, proxy, simulated) as running,
        softphone(tmp_path / "100", proxy, 100) as caller,
    ):
        registered(running)
        caller.wait_for_event("REGISTER_OK")
        caller.dial(f"sip:700@127.0.0.1:{proxy.port}")
        caller.wait_for_event("CALL_ESTABLISHED")
        caller.wait_for_event("CALL_CLOSED")
        ended = running.wait_for("call_ended")
        running.assert_baseline()
    assert (ended["trunk"], ended["cause"]) == ("kamailio", "agent_hung_up")
    bye = caller.log.rpartition("BYE sip:")[2]
    assert bye.partition("Via: ")[2].startswith(f"SIP/2.0/UDP 127.0.0.1:{proxy.port}"), caller.log


def test_a_call_goes_out_with_the_password_of_the_trunk(proxy: Kamailio, tmp_path: Path) -> None:
    command = ("call", f"sip:100@127.0.0.1:{proxy.port}", "--trunk", "kamailio")
    with softphone(tmp_path / "100", proxy, 100, mode="auto") as callee:
        callee.wait_for_event("REGISTER_OK")
        with model() as simulated, daemon(tmp_path, proxy, simulated, command) as running:
            callee.wait_for_event("CALL_ESTABLISHED")
            confirmed = running.wait_for("call_answered")
            wait_until(lambda: callee.heard().size > 8000, "the greeting to be heard", log=lambda: callee.log)
            callee.hang_up()
            ended = running.wait_for("call_ended", call=confirmed["call"])
    assert (ended["trunk"], ended["ended_by"], ended["outcome"]) == ("kamailio", "callee", "completed")


def test_a_refer_goes_through_to_the_telephone_which_calls_the_target(
    proxy: Kamailio, tmp_path: Path
) -> None:
    transfer = Reply((FunctionCall("transfer_call", '{"target": "sales", "reason": "a bicycle"}'),))
    with (
        model(transfer) as simulated,
        daemon(tmp_path, proxy, simulated, more=TRANSFER) as running,
        softphone(tmp_path / "100", proxy, 100) as caller,
        softphone(tmp_path / "101", proxy, 101, mode="auto") as desk,
    ):
        registered(running)
        caller.wait_for_event("REGISTER_OK")
        desk.wait_for_event("REGISTER_OK")
        caller.dial(f"sip:700@127.0.0.1:{proxy.port}")
        caller.wait_for_event("CALL_ESTABLISHED")
        desk.wait_for_event("CALL_ESTABLISHED")
        ended = running.wait_for("call_ended")
        running.assert_baseline()
    assert ended["outcome"] == "transferred"
