"""What the kernel does to voices: how fast the processor may run, SIP helpers, packet filters."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from talkpath.bridge.config.model import Config

PROCESSORS: Final = Path("/sys/devices/system/cpu")
MODULES: Final = Path("/proc/modules")
SIP_HELPERS: Final = ("nf_nat_sip", "nf_conntrack_sip")
OWN_GOVERNORS: Final = frozenset({"intel_pstate", "amd-pstate", "amd-pstate-epp"})
"""Drivers whose powersave follows the load; with others it means the lowest frequency."""
NFT_SECONDS: Final = 5.0

Ports = tuple[int, int]
"""First and last."""


def examine_kernel(config: Config) -> list[Finding]:
    """Governors, SIP helpers and the packet filter."""
    findings = [judge_governors(*_governors()), judge_helpers(_text(MODULES))]
    rules = nft_rules()
    if rules is None:
        text = "The packet filter cannot be read by this user."
        findings.append(Finding("firewall", "ok", text, "As root the doctor looks into it."))
        return findings
    wanted = [(listen.port, listen.port) for listen in config.sip.listen if listen.transport == "udp"]
    ports = config.sip.rtp_ports
    return [*findings, judge_filter(rules, [*wanted, (ports.first, ports.last)])]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _governors() -> tuple[Counter[str], str]:
    """Governors by how many processors they rule, and the name of the driver."""
    found = [path / "cpufreq" for path in PROCESSORS.glob("cpu[0-9]*") if (path / "cpufreq").is_dir()]
    drivers = {_text(path / "scaling_driver").strip() for path in found}
    return Counter(_text(path / "scaling_governor").strip() for path in found), min(drivers, default="")


def judge_governors(governors: Counter[str], driver: str) -> Finding:
    """Judge how the frequency of the processors is chosen."""
    if not governors:
        return Finding("processor", "ok", "The frequency is not chosen here (a virtual machine, or fixed).")
    shown = ", ".join(f"{name} on {count}" for name, count in sorted(governors.items()))
    text = f"Processor governor: {shown} ({driver})."
    if governors["powersave"] and driver not in OWN_GOVERNORS:
        fix = (
            "cpupower frequency-set -g performance: at the lowest frequency fewer calls fit, with less room."
        )
        return Finding("processor", "warn", text, fix)
    return Finding("processor", "ok", text)


def judge_helpers(modules: str) -> Finding:
    """Judge the list of loaded kernel modules: helpers that rewrite SIP on this very machine."""
    loaded = {line.partition(" ")[0] for line in modules.splitlines()}
    found = [name for name in SIP_HELPERS if name in loaded]
    if found:
        text = f"The kernel has a SIP helper loaded ({', '.join(found)}), which may rewrite addresses in SDP."
        fix = f"modprobe -r {' '.join(found)}, unless this machine is a router that needs it."
        return Finding("firewall", "warn", text, fix)
    return Finding("firewall", "ok", "No SIP helper of the kernel rewrites our messages.")


def nft_rules() -> list[dict[str, Any]] | None:
    """The rules of the packet filter as nft tells them; None when it does not tell us."""
    program = shutil.which("nft")
    if program is None:
        return None
    try:
        command = [program, "-j", "list", "ruleset"]
        done = subprocess.run(command, capture_output=True, timeout=NFT_SECONDS, check=True)  # noqa: S603 - fixed words
        listed = json.loads(done.stdout)["nftables"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
    return [one for one in listed if isinstance(one, dict)]


def judge_filter(rules: list[dict[str, Any]], wanted: list[Ports]) -> Finding:
    """Judge whether the packet filter lets calls in.

    Args:
        rules: Chains and rules as in libnftables-json(5).
        wanted: UDP ports that must be open.
    """
    strict = {
        chain["name"]
        for chain in (one["chain"] for one in rules if "chain" in one)
        if chain.get("hook") == "input" and chain.get("policy") == "drop"
    }
    if not strict:
        return Finding("firewall", "ok", "No chain of the packet filter drops by default.")
    accepted = list(_accepted(rules))
    shut = [
        ports for ports in wanted if not any(low <= ports[0] and ports[1] <= high for low, high in accepted)
    ]
    if not shut:
        return Finding("firewall", "ok", "The packet filter lets SIP and RTP in.")
    shown = ", ".join(f"{low}-{high}" if low != high else str(low) for low, high in shut)
    text = f"The packet filter drops by default, and no rule that names UDP ports lets in {shown}."
    return Finding("firewall", "warn", text, f"nft add rule inet filter input udp dport {{ {shown} }} accept")


def _accepted(rules: list[dict[str, Any]]) -> Iterator[Ports]:
    """UDP ports that some rule accepts by name; rules about sources or interfaces are taken as they are."""
    for rule in (one["rule"] for one in rules if "rule" in one):
        steps: list[Any] = rule.get("expr", [])
        if not any(isinstance(step, dict) and "accept" in step for step in steps):
            continue
        named = False
        for step in steps:
            match = step.get("match") if isinstance(step, dict) else None
            if isinstance(match, dict) and _is_udp_port(match.get("left")):
                named = True
                yield from _ports(match.get("right"))
        if not named and len(steps) == 1:
            yield (0, 65535)


def _is_udp_port(left: object) -> bool:
    payload = left.get("payload") if isinstance(left, dict) else None
    return (
        isinstance(payload, dict)
        and payload.get("field") == "dport"
        and payload.get("protocol") in {"udp", "th"}
    )


def _ports(right: object) -> Iterable[Ports]:
    if isinstance(right, int):
        return [(right, right)]
    if isinstance(right, dict) and "range" in right:
        low, high = right["range"]
        return [(int(low), int(high))]
    if isinstance(right, dict) and "set" in right:
        return [ports for one in right["set"] for ports in _ports(one)]
    return []
