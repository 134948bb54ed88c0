"""Stack, ports, limits, clock."""

from __future__ import annotations

import errno
import resource
import socket
from typing import Any

import pytest

from talkpath.bridge.config.model import Config
from talkpath.bridge.config.values import PortRange
from talkpath.bridge.doctor.findings import Finding, worst
from talkpath.bridge.doctor.limits import (
    examine_clock,
    examine_limits,
    judge_clock,
    judge_files,
    judge_time_of_day,
)
from talkpath.bridge.doctor.ports import examine_ports, judge_overlap, why_not_bindable
from talkpath.bridge.doctor.stack import judge_stack, stack_failure
from tests.harness.peers import free_port

GOOD = {"version": "2.17", "calls": 1024, "tls": "OpenSSL 3.0.1"}


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def test_the_worst_finding_is_the_verdict() -> None:
    assert worst([]) == "ok"
    assert worst([Finding("a", "ok", ""), Finding("a", "warn", "")]) == "warn"
    assert worst([Finding("a", "fail", ""), Finding("a", "warn", "")]) == "fail"


def test_the_production_stack_is_good() -> None:
    assert levels(judge_stack(GOOD, 1000, uses_tls=True)) == ["ok"]


def test_the_wheel_is_called_what_it_is() -> None:
    facts = {"version": "2.15.1", "calls": 4, "tls": "OpenSSL 1.0.2k-fips"}
    plain = judge_stack(facts, 1000, uses_tls=False)
    assert levels(plain) == ["warn"]
    assert "4 calls at once, TLS 1.2 only" in plain[0].message
    assert levels(judge_stack(facts, 1000, uses_tls=True)) == ["warn", "warn"]


def test_a_stack_that_is_smaller_than_the_configuration_is_a_warning() -> None:
    found = judge_stack(GOOD, 2000, uses_tls=False)
    assert levels(found) == ["ok", "warn"]
    assert "max_calls = 1024" in found[1].fix


def test_tls_without_a_tls_library_fails() -> None:
    assert levels(judge_stack({**GOOD, "tls": "no TLS"}, 10, uses_tls=True)) == ["ok", "fail"]


def test_a_stack_that_is_not_installed_is_told_from_one_that_does_not_start() -> None:
    missing = stack_failure("Traceback\nModuleNotFoundError: No module named 'pjsua2'\n", 1)
    assert "not installed" in missing.message
    assert "talkpath[wheel]" in missing.fix
    assert "exit code -6" in stack_failure("", -6).message


def config(**sip: Any) -> Config:
    return Config.model_validate({"agents": {"a": {}}, "sip": sip})


def test_a_taken_listener_and_a_taken_rtp_port_are_found() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        assert why_not_bindable("127.0.0.1", port, udp=True) == errno.EADDRINUSE
        found = examine_ports(config(listen=[f"udp:127.0.0.1:{port}"], rtp_ports=f"{port}-{port + 1}"))
    assert [one.level for one in found] == ["warn", "fail"]
    assert f"sport = :{port}" in found[0].fix


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    found = examine_ports(config(listen=["tcp:192.0.2.1:5060"]))
    assert found[0].level == "fail"
    assert "no such address" in found[0].message


def test_rtp_ports_among_those_of_outgoing_connections_are_a_warning() -> None:
    found = judge_overlap(PortRange(30000, 40000), (32768, 60999))
    assert found is not None
    assert found.level == "warn"
    assert judge_overlap(PortRange(20000, 29999), (32768, 60999)) is None
    assert judge_overlap(PortRange(20000, 29999), None) is None


@pytest.mark.parametrize(
    ("calls", "limit", "level"),
    [(500, 20000, "ok"), (500, 1024, "warn"), (500, resource.RLIM_INFINITY, "ok"), (10, 158, "ok")],
)
def test_open_files_are_counted_against_calls(calls: int, limit: int, level: str) -> None:
    finding = judge_files(calls, limit)
    assert finding.level == level
    assert ("LimitNOFILE=1628" in finding.fix) == (level == "warn")


def test_limits_name_what_sets_them() -> None:
    found = examine_limits(config(max_calls=3))
    assert "Room for 3 calls at once" in found[-1].message
    assert "sip.max_calls" in found[-1].message


@pytest.mark.parametrize(
    ("resolution", "oversleep", "level"), [(1e-9, 0.0002, "ok"), (1e-9, 0.05, "warn"), (0.004, 0.0, "fail")]
)
def test_a_coarse_clock_fails_and_a_busy_machine_is_a_warning(
    resolution: float, oversleep: float, level: str
) -> None:
    assert judge_clock(resolution, oversleep).level == level


@pytest.mark.parametrize(("state", "level"), [(None, "ok"), (0, "ok"), (5, "warn")])
def test_a_time_of_day_that_nobody_keeps_is_a_warning(state: int | None, level: str) -> None:
    assert judge_time_of_day(state).level == level


def test_the_clock_of_this_machine_can_be_examined() -> None:
    assert len(examine_clock()) == 2
