"""The daemon and callers that speak SIP in other ways than most: SIPp, over UDP and TCP."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from talkpath.bridge.simulator.reply import FunctionCall, Reply
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.scenario import (
    PCMU,
    ack,
    answer,
    bye,
    invite,
    pause,
    progress,
    receive,
    request,
    take,
    write_scenario,
)
from tests.harness.sipp import Sipp, SippResult, run_sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

TIMER = """\
Supported: timer
Allow: INVITE, ACK, CANCEL, BYE, UPDATE
Session-Expires: 90;refresher={}
Min-SE: 90
"""
ROUTES = """\
Record-Route: <sip:[local_ip]:[local_port];transport=[transport];lr;hop=2>
Record-Route: <sip:192.0.2.9;lr;hop=1>
"""


def found(status: int, pattern: str, *, where: str, variable: int) -> str:
    """Wait for a response whose header ``where`` (or body, when it is empty) matches; keep the match."""
    place = f'search_in="hdr" header="{where}:"' if where else 'search_in="body"'
    action = f'<ereg regexp="{pattern}" {place} check_it="true" assign_to="{variable}"/>'
    return f'<recv response="{status}" rrs="true"><action>{action}</action></recv>\n'


def used(*variables: int) -> str:
    """Say that variables are there to be checked, which SIPp cannot know."""
    return f'<Reference variables="{",".join(map(str, variables))}"/>\n'


def media(direction: str = "", address: str = "[media_ip]", port: str = "[media_port]") -> str:
    return PCMU.replace("[media_ip]", address).replace("[media_port]", port) + f"\n{direction}"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    with RunningSimulator(TonePersona(400)) as model, Daemon(folder, model_url=model.url) as running:
        yield running
        running.assert_baseline()


@pytest.fixture(scope="module", autouse=True)
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, dict[str, Sipp]]]:
    """Two calls with session timers, of a daemon of their own: the other tests run while theirs do."""
    folder = tmp_path_factory.mktemp("timed")
    rest = {"uas": [take("UPDATE"), bye(2)], "uac": [take("BYE")]}
    with (
        RunningSimulator(TonePersona(400)) as model,
        Daemon(folder, model_url=model.url) as running,
        contextlib.ExitStack() as calls,
    ):
        callers = {}
        for refresher, steps in rest.items():
            (own := folder / refresher).mkdir()
            answered = found(200, f"90;refresher={refresher}", where="Session-Expires", variable=1)
            begin = [invite(PCMU, headers=TIMER.format(refresher)), progress(), answered, ack()]
            scenario = write_scenario(own, *begin, *steps, used(1))
            callers[refresher] = calls.enter_context(Sipp(own, scenario, target=running.address))
        yield running, callers


def play(
    folder: Path, daemon: Daemon, *steps: str, arguments: tuple[str, ...] = (), timeout_s: float = 30
) -> SippResult:
    """Play a call; it must go as written. Its log is whole when this returns."""
    ended = len(daemon.events("call_ended"))
    scenario = write_scenario(folder, *steps)
    result = run_sipp(folder, scenario, target=daemon.address, arguments=arguments, timeout_s=timeout_s)
    assert result.succeeded == 1, result.report
    daemon.wait_for("call_ended", count=ended + 1)
    return result


def test_a_ringing_that_is_required_to_be_reliable_is_acknowledged(daemon: Daemon, tmp_path: Path) -> None:
    play(
        tmp_path,
        daemon,
        invite(PCMU, headers="Require: 100rel\n"),
        receive(100, optional=True),
        found(180, "[0-9]+", where="RSeq", variable=1),
        request("PRACK", 2, headers="RAck: [$1] 1 INVITE\n"),
        '<recv response="200"><action><ereg regexp="PRACK" search_in="hdr" header="CSeq:" check_it="true" '
        'assign_to="2"/></action></recv>\n',
        receive(200),
        ack(),
        bye(3),
        used(2),
    )


def test_an_update_refreshes_or_moves_the_media(daemon: Daemon, tmp_path: Path) -> None:
    before = len(daemon.events("media"))
    play(
        tmp_path,
        daemon,
        invite(PCMU),
        progress(),
        receive(200),
        ack(),
        request("UPDATE", 2),
        receive(200),
        request("UPDATE", 3, sdp=media(port="4002")),
        found(200, "m=audio [0-9]+ RTP/AVP 0", where="", variable=1),
        pause(200),
        bye(4),
        used(1),
    )
    assert len(daemon.events("media")) == before + 2


def test_an_offer_may_come_late_at_the_start_and_later(daemon: Daemon, tmp_path: Path) -> None:
    before = len(daemon.events("media"))
    offer = "m=audio [0-9]+ RTP/AVP 0 8 101"
    play(
        tmp_path,
        daemon,
        invite(""),
        progress(),
        found(200, offer, where="", variable=1),
        request("ACK", 1, sdp=media()),
        pause(200),
        request("INVITE", 2),
        receive(100, optional=True),
        found(200, "m=audio [0-9]+ RTP/AVP 0", where="", variable=2),
        request("ACK", 2, sdp=media(port="4002")),
        pause(200),
        bye(3),
        used(1, 2),
    )
    told = daemon.events("media")[before:]
    assert [each["codec"] for each in told] == ["PCMU", "PCMU"]
    daemon.assert_baseline()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_each_way_to_hold_is_understood(daemon: Daemon, tmp_path: Path, method: str) -> None:
    before = len(daemon.events("media"))
    ways = [
        (media("a=sendonly"), "recvonly", (False, True)),
        (media("a=recvonly"), "sendonly", (True, False)),
        (media("a=inactive"), "inactive", (False, False)),
        (media("a=sendrecv", address="0.0.0.0"), "sendrecv|recvonly", (False, True)),  # noqa: S104 - a hold
        (media("a=sendrecv"), "sendrecv", (True, True)),
    ]
    steps = [invite(PCMU), progress(), receive(200), ack()]
    for number, (body, answered, _) in enumerate(ways, 2):
        steps += [request(method, number, sdp=body), receive(100, optional=True)]
        steps += [found(200, f"a=({answered})", where="", variable=number)]
        steps += [ack(number)] if method == "INVITE" else []
    play(tmp_path, daemon, *steps, pause(200), bye(9), used(*range(2, 7)))
    told = daemon.events("media")[before + 1 :]
    assert [(each["sends"], each["receives"]) for each in told] == [expected for _, _, expected in ways]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_requests_of_ours_take_the_way_of_the_call(tmp_path: Path, transport: str) -> None:
    """REFER and BYE pass the proxies that recorded themselves; over TCP they come on the same connection."""
    transfer = Reply((FunctionCall("transfer_call", '{"target": "sales", "reason": "x"}'),))
    script = ScriptPersona([ScriptedTurn(reply=transfer)])
    more = '[[targets]]\nname = "sales"\ndescription = "Orders."\nuri = "sip:9@pbx.example"\nmode = "blind"\n'
    route = 'search_in="hdr" header="Route:" check_it="true"'
    steps = [
        invite(PCMU, headers=ROUTES),
        progress(),
        found(200, "hop=2.*hop=1|hop=2", where="Record-Route", variable=1),
        ack(),
        f'<recv request="REFER"><action><ereg regexp="hop=2" {route} assign_to="2"/></action></recv>\n',
        answer("603 Decline"),
        f'<recv request="BYE"><action><ereg regexp="hop=2" {route} assign_to="3"/></action></recv>\n',
        answer("200 OK"),
        used(1, 2, 3),
    ]
    arguments = ("-t", "t1") if transport == "tcp" else ()
    agent = '[agents.reception.transfer]\ntargets = ["sales"]\n'
    with (
        RunningSimulator(script) as model,
        Daemon(tmp_path, model_url=model.url, agent=agent, more=more, transport=transport) as daemon,
    ):
        scenario = write_scenario(tmp_path, *steps)
        with Sipp(tmp_path, scenario, target=daemon.address, arguments=arguments) as sipp:
            daemon.wait_for("refer_progress", stage="refused")
            daemon.terminate()
            result = sipp.wait()
        assert result.succeeded == 1, result.report
    for method in ("REFER", "BYE"):
        text = result.messages.replace("\r", "")
        sent = re.search(rf"^{method} sip:caller@.*?\n\n", text, re.MULTILINE | re.DOTALL)
        assert sent, result.messages
        assert re.findall(r"hop=\d", sent[0]) == ["hop=2", "hop=1"], sent[0]


def test_sessions_are_refreshed_by_whoever_is_to_and_end_when_nobody_does(
    timed: tuple[Daemon, dict[str, Sipp]],
) -> None:
    """After 45 s we refresh, after 60 s we give up a caller who does not: 90 s is the least (RFC 4028)."""
    daemon, callers = timed
    for caller in callers.values():
        result = caller.wait(timeout_s=120)
        assert result.succeeded == 1, result.report
    daemon.wait_for("call_ended", count=2)
    daemon.assert_baseline()
