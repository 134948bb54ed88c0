"""SIP processes with settings of their own: limits, trunks, signals, and their end."""

from __future__ import annotations

import os
import signal
import socket
import time

import psutil
import pytest

from talkpath.sip import messages as m
from tests.harness.peers import free_port
from tests.sip.double import running, settings, start
from tests.sip.phone import Phone, ok_to, status_of
from tests.sip.steps import answered, call_in, finish, refused

pytest.importorskip("pjsua2", reason="needs the SIP stack: `make pjsua2`")


def test_sources_outside_the_trunks_get_403() -> None:
    trunk = m.TrunkSettings(name="carrier", source_networks=("192.0.2.0/24",))
    with running(settings(trunks=(trunk,))) as sip, Phone(sip.port) as phone:
        status, reason, _ = refused(phone)
        assert status == 403
        assert "no trunk" in reason
        sip.expect_counter("refused:unknown_source")


def test_a_trunk_is_found_by_its_network_and_its_advertised_address_is_named() -> None:
    trunk = m.TrunkSettings(name="pbx", source_networks=("127.0.0.0/8",), advertised_address="198.51.100.7")
    with running(settings(trunks=(trunk,))) as sip, Phone(sip.port) as phone:
        call = call_in(sip, phone)
        assert (call.trunk, call.local_address) == ("pbx", "198.51.100.7")
        sip.send(m.Answer(call=call.call, rtp_port=20_000))
        assert "c=IN IP4 198.51.100.7\r\n" in phone.final("INVITE").body
        phone.send(phone.request("ACK", branch=f"{phone.branch}a"))
        finish(sip, phone, call)


def test_more_calls_than_allowed_get_503() -> None:
    with running(settings(max_calls=1)) as sip, Phone(sip.port) as first, Phone(sip.port) as second:
        call = call_in(sip, first)
        status, _, retry_after = refused(second)
        assert (status, retry_after) == (503, "5")
        sip.send(m.Reject(call=call.call, status=486, reason="busy"))
        assert status_of(first.final("INVITE")) == 486
        first.send(first.request("ACK"))


def test_a_source_that_calls_too_fast_gets_503() -> None:
    with running(settings(calls_per_second_per_source=1.0)) as sip, Phone(sip.port) as phone:
        call = call_in(sip, phone)
        with Phone(sip.port) as second:
            assert refused(second)[0] == 503
        sip.send(m.Reject(call=call.call, status=486, reason="busy"))
        sip.expect(m.CallEnded)


def test_a_worker_that_says_nothing_costs_the_caller_a_503_not_silence() -> None:
    with running(settings(decision_seconds=0.2)) as sip, Phone(sip.port) as phone:
        call_in(sip, phone)
        final = phone.final("INVITE")
        phone.send(phone.request("ACK"))
        assert (status_of(final), final.first("Retry-After")) == (503, "5")
        ended = sip.expect(m.CallEnded)
        assert (ended.by, ended.status) == ("failure", 503)


def test_before_the_first_word_of_the_supervisor_no_call_is_admitted() -> None:
    with running(settings(), lanes=0) as sip, Phone(sip.port) as phone:
        assert refused(phone)[0] == 503


def test_an_idle_process_sleeps_until_a_timer_of_the_stack() -> None:
    with running(settings()) as process:
        watched = psutil.Process(process.process.pid)
        began, wakes = time.monotonic(), watched.num_ctx_switches().voluntary
        time.sleep(1.0)  # what is counted is what happens while nothing does
        wakes = watched.num_ctx_switches().voluntary - wakes
        assert wakes / (time.monotonic() - began) < 25, "1 / LONGEST_SECONDS, statistics, and some timers"


def test_signals_are_left_to_the_supervisor() -> None:
    with running(settings()) as sip, Phone(sip.port) as phone:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(sip.process.pid, number)
        call = answered(sip, phone)
        finish(sip, phone, call)


def test_stop_says_bye_to_live_calls() -> None:
    with running(settings()) as sip, Phone(sip.port) as phone:
        answered(sip, phone)
        sip.send(m.Stop(reason="maintenance"))
        bye = phone.receive()
        assert (bye.method, "maintenance" in bye.first("Reason")) == ("BYE", True)
        phone.send(ok_to(bye))
        assert sip.expect(m.CallEnded).by == "us"
        assert sip.process.wait(5) == 0


def test_the_loss_of_the_supervisor_says_bye_and_exits() -> None:
    options = settings()
    with start(options, options.listeners[0].port) as sip:
        sip.send(m.Admission(draining=False, free_lanes=5))
        sip.expect(m.Ready)
        with Phone(sip.port) as phone:
            answered(sip, phone)
            sip.channel.close()
            bye = phone.receive()
            assert bye.method == "BYE"
            phone.send(ok_to(bye))
        assert sip.process.wait(5) == 0


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        listener = m.Listener(transport="udp", host="127.0.0.1", port=port)
        with start(settings(listeners=(listener,)), port) as sip:
            problem = sip.expect(m.ListenFailed).problem
            assert sip.process.wait(5) == 3
    assert f"udp 127.0.0.1:{port}" in problem
    assert "another program has this port" in problem


def test_a_wrong_source_network_is_named() -> None:
    trunk = m.TrunkSettings(name="pbx", source_networks=("10.0.0.0/99",))
    with start(settings(trunks=(trunk,)), free_port()) as sip:
        problem = sip.expect(m.ListenFailed).problem
        assert sip.process.wait(5) == 3
    assert "pbx" in problem
    assert "10.0.0.0/99" in problem
