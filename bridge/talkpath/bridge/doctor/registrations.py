"""Are we registered? The running daemon knows, and says so at ``/healthz``."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from talkpath.sip.addresses import is_specific, join_host_port

from .findings import Finding

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.config.values import HostPort

AREA = "trunks"
SECONDS = 2.0
MAX_BYTES = 1_000_000

_ADVICE = {
    401: "The PBX wants other credentials: check username and password.",
    403: "The PBX refuses these credentials: check username and password.",
    404: "The PBX does not know this user: check username.",
    407: "The PBX wants other credentials: check username and password.",
    408: "No answer: check the address, the port and the firewall.",
    423: "The PBX wants longer registrations: raise register_interval.",
    503: "Not reached, or it takes no registrations now: check address, transport and listen in [sip].",
}


def examine_registrations(config: Config) -> list[Finding]:
    """Ask the daemon; nothing to say where no trunk registers."""
    wanted = [trunk.name for trunk in config.trunks if trunk.register_uri]
    if not wanted:
        return []
    if not config.http.enabled:
        return [Finding(AREA, "warn", "Registrations are not known: [http] is off.", "Set enabled = true.")]
    try:
        health = _ask(config.http.listen)
    except (OSError, ValueError):
        text = "Registrations are not known: talkpath is not running, or not with this configuration."
        return [Finding(AREA, "warn", text, "Start it and ask again.")]
    return judge(wanted, health)


def judge(wanted: list[str], health: dict[str, Any]) -> list[Finding]:
    """One finding for each trunk that we mean to register at.

    Args:
        wanted: Names of the trunks.
        health: The body of ``/healthz``.
    """
    known = health.get("registrations")
    known = known if isinstance(known, dict) else {}
    findings = []
    for name in wanted:
        state = known.get(name)
        state = state if isinstance(state, dict) else {}
        if state.get("registered") is True:
            findings.append(Finding(AREA, "ok", f"{name}: registered."))
            continue
        status, reason = state.get("status") or 0, str(state.get("reason") or "no answer yet")[:200]
        text = f"{name}: not registered ({status} {reason})." if status else f"{name}: not registered yet."
        findings.append(Finding(AREA, "fail", text, _ADVICE.get(status, "The log has the attempts.")))
    return findings


def _ask(listen: HostPort) -> dict[str, Any]:
    """The body of ``/healthz``, which comes with 503 while something is wrong."""
    # A daemon that listens on every address of a family listens on loopback, too.
    host = listen.host if is_specific(listen.host) else "::1" if ":" in listen.host else "127.0.0.1"
    url = f"http://{join_host_port(host, listen.port)}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            body = answer.read(MAX_BYTES)
    except urllib.error.HTTPError as error:
        body = error.read(MAX_BYTES)
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("the answer is no object")  # noqa: TRY004 - as wrong as text that is no JSON
    return found
