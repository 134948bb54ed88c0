"""The SIP stack: is it there, how many calls does it carry, which TLS does it speak."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from .findings import Finding

AREA = "sip stack"
PROBE = "talkpath.sip.probe"
PATIENCE = 20.0
"""Seconds for the probe; it takes well under one."""

BUILD = "Build the production one with `make pjsua2`."
WHEEL_CALLS = 4
"""What the build from the package index carries, whatever is configured."""


def examine_stack(wanted_calls: int, *, uses_tls: bool) -> list[Finding]:
    """Ask the stack in a process of its own.

    Args:
        wanted_calls: calls at once that the configuration has room for.
        uses_tls: whether a listener or a trunk uses TLS.
    """
    facts = stack_facts()
    if isinstance(facts, Finding):
        return [facts]
    return judge_stack(facts, wanted_calls, uses_tls=uses_tls)


def stack_facts() -> dict[str, Any] | Finding:
    """What the stack says of itself in a process of its own: ``version``, ``calls``, ``tls``; or why not."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, "-m", PROBE], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding(AREA, "fail", f"The SIP stack did not start within {PATIENCE:g} s.", BUILD)
    if done.returncode != 0:
        return stack_failure(done.stderr, done.returncode)
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def stack_failure(stderr: str, returncode: int) -> Finding:
    """Explain why the probe ended badly."""
    lines = stderr.strip().splitlines()
    last = lines[-1] if lines else f"exit code {returncode}"
    if "No module named" in last and "pjsua2" in last:
        install = f"pip install 'talkpath[wheel]' to try it out with {WHEEL_CALLS} calls."
        return Finding(
            AREA, "fail", "pjsua2, the SIP stack, is not installed.", f"{BUILD[:-1]}, or {install}"
        )
    return Finding(AREA, "fail", f"The SIP stack does not start: {last}", BUILD)


def judge_stack(facts: dict[str, Any], wanted_calls: int, *, uses_tls: bool) -> list[Finding]:
    """Judge what the probe reported."""
    calls, tls = int(facts["calls"]), str(facts["tls"])
    findings = [Finding(AREA, "ok", f"pjsua2 {facts['version']}, {calls} calls at once, {tls}.")]
    if calls <= WHEEL_CALLS:
        text = (
            f"This pjsua2 is the ready-made wheel: {calls} calls at once, TLS 1.2 only. Good for trying out."
        )
        findings[0] = Finding(AREA, "warn", text, BUILD)
    elif calls < wanted_calls:
        text = f"The configuration has room for {wanted_calls} calls, this pjsua2 for {calls}."
        findings.append(
            Finding(AREA, "warn", text, f"Set max_calls = {calls} in [sip], or build a larger one.")
        )
    if uses_tls and tls == "no TLS":
        findings.append(Finding(AREA, "fail", "TLS is configured, and this pjsua2 has none.", BUILD))
    elif uses_tls and "1.0." in tls:
        text = f"TLS of the SIP side is {tls}, which is no longer maintained and ends at TLS 1.2."
        findings.append(Finding(AREA, "warn", text, BUILD))
    return findings
