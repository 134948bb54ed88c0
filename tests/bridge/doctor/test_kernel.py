from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from talkpath.bridge.config.model import Config
from talkpath.bridge.doctor.kernel import examine_kernel, judge_filter, judge_governors, judge_helpers

DROPS = {"chain": {"family": "inet", "table": "filter", "name": "input", "hook": "input", "policy": "drop"}}
WANTED = [(5060, 5060), (20_000, 29_999)]


def accepts(right: Any, protocol: str = "udp") -> dict[str, Any]:
    left = {"payload": {"protocol": protocol, "field": "dport"}}
    return {"rule": {"expr": [{"match": {"op": "==", "left": left, "right": right}}, {"accept": None}]}}


@pytest.mark.parametrize(
    ("governors", "driver", "level"),
    [
        ({}, "", "ok"),
        ({"performance": 8}, "acpi-cpufreq", "ok"),
        ({"powersave": 8}, "acpi-cpufreq", "warn"),
        ({"performance": 7, "powersave": 1}, "acpi-cpufreq", "warn"),
        ({"powersave": 8}, "intel_pstate", "ok"),
    ],
)
def test_only_the_lowest_frequency_is_a_warning(governors: dict[str, int], driver: str, level: str) -> None:
    assert judge_governors(Counter(governors), driver).level == level


def test_a_sip_helper_of_the_kernel_is_a_warning_with_its_name() -> None:
    assert judge_helpers("nf_tables 1 0\nxt_sip_thing 1 0\n").level == "ok"
    found = judge_helpers("nf_nat_sip 16384 0 - Live 0x0\nnf_conntrack_sip 32768 1 nf_nat_sip\n")
    assert found.level == "warn"
    assert "modprobe -r nf_nat_sip nf_conntrack_sip" in found.fix


@pytest.mark.parametrize(
    ("rules", "level"),
    [
        ([], "ok"),
        ([{"chain": {"hook": "input", "policy": "accept"}}], "ok"),
        ([{"chain": {"hook": "forward", "policy": "drop"}}], "ok"),
        ([DROPS], "warn"),
        ([DROPS, accepts({"set": [5060, {"range": [20_000, 29_999]}]})], "ok"),
        ([DROPS, accepts(5060), accepts({"range": [10_000, 60_000]})], "ok"),
        ([DROPS, accepts(5060), accepts({"range": [20_000, 25_000]})], "warn"),
        ([DROPS, accepts(5060, "tcp"), accepts({"range": [20_000, 29_999]}, "tcp")], "warn"),
        ([DROPS, {"rule": {"expr": [{"accept": None}]}}], "ok"),
        ([DROPS, {"rule": {"expr": [{"match": {"left": "odd"}}, {"accept": None}]}}, {"rule": {}}], "warn"),
    ],
)
def test_a_packet_filter_that_drops_must_name_our_ports(rules: list[dict[str, Any]], level: str) -> None:
    assert judge_filter(rules, WANTED).level == level


def test_the_remedy_names_what_is_shut() -> None:
    found = judge_filter([DROPS, accepts(5060)], WANTED)
    assert "udp dport { 20000-29999 } accept" in found.fix


def test_this_machine_can_be_examined() -> None:
    found = examine_kernel(Config.model_validate({"agents": {"a": {}}}))
    assert {finding.area for finding in found} == {"processor", "firewall"}
