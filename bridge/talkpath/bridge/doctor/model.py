"""The way to the model, step by step: name, TCP, TLS, WebSocket, session. Costs no tokens."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.realtime.settings import SessionSettings
from talkpath.sip.messages import Secret

from .findings import Finding

if TYPE_CHECKING:
    from talkpath.bridge.config.endpoint import Endpoint
    from talkpath.bridge.config.model import Config

AREA = "model"

FIXES = {
    "invalid_api_key": "Correct the key: talkpath check tells where it comes from.",
    "invalid_model": "Correct model in [realtime]; the account may not have it.",
    "model_not_found": "Correct model in [realtime]; the account may not have it.",
    "missing_model": "Set model in [realtime].",
    "insufficient_quota": "Pay the bill of the account, or raise its limit.",
    "rate_limit_exceeded": "Raise the limit of the account, or try later.",
    "beta_api_shape_disabled": "Remove the OpenAI-Beta header from [realtime] headers.",
}
STATUS_FIXES = {
    401: "Correct the key: talkpath check tells where it comes from.",
    403: "The key may not use this model, or a proxy is in the way.",
    404: "Correct url in [realtime]; on Azure also model, which is the deployment's name.",
    429: "Raise the limit of the account, or try later.",
}
SLOW_SESSION = 1.5
"""Seconds from nothing to a session; each call waits for it before it is answered."""


class Unreachable(Exception):  # noqa: N818 - it is a finding, not a mistake of ours
    """A step failed; carries the finding."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.finding = Finding(AREA, "fail", message, fix)


async def examine_models(config: Config) -> list[Finding]:
    """Try each different model of the agents once."""
    tried: dict[tuple[str, str], Endpoint] = {}
    for agent in config.agents:
        model = endpoint(config, agent)
        tried.setdefault((model.url, model.model), model)
    findings: list[Finding] = []
    for model in tried.values():
        findings += await _examine(config, model)
    return findings


async def _examine(config: Config, model: Endpoint) -> list[Finding]:
    findings: list[Finding] = []
    patience = config.realtime.connect_timeout
    started = time.monotonic()
    try:
        reached, connected = await _reach(model, patience)
        findings.append(reached)
        await _open_session(config, model, patience, connected)
    except Unreachable as unreachable:
        return [*findings, unreachable.finding]
    took = time.monotonic() - started
    text = f"Session with {model.model} opened in {took * 1000:.0f} ms, and closed again."
    slow = took > SLOW_SESSION
    fix = "Callers wait that long for an answer: choose a nearer region." if slow else ""
    return [*findings, Finding(AREA, "warn" if slow else "ok", text, fix), *judge_transport(model)]


def judge_transport(model: Endpoint) -> list[Finding]:
    """Warn of a key that would travel in the clear."""
    parts = urlsplit(model.url)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme == "ws" and not local and model.api_key is not None:
        text = f"The key travels in the clear to {parts.hostname}."
        return [Finding(AREA, "warn", text, "Use wss:// in url.")]
    return []


async def _reach(model: Endpoint, patience: float) -> tuple[Finding, socket.socket]:
    """Name and TCP, apart from the WebSocket, so that a failure has its own name."""
    parts = urlsplit(model.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    started = time.monotonic()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{host} has no address: {error.strerror}.", "Check the name and DNS.") from None
    named = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            connection, address = await _connect_any(found)
    except TimeoutError:
        text = f"{host} port {port} does not answer within {patience:g} s."
        raise Unreachable(text, "A firewall is in the way, or the host is down.") from None
    except OSError as error:
        text = f"{host} port {port} cannot be connected: {errno.errorcode.get(error.errno or 0, error)}."
        raise Unreachable(text, "Is the server running? Is the port right?") from None
    connected = time.monotonic()
    times = f"name {(named - started) * 1000:.0f} ms, TCP {(connected - named) * 1000:.0f} ms"
    return Finding(AREA, "ok", f"{host} is {address}: {times}."), connection


async def _connect_any(found: list[Any]) -> tuple[socket.socket, str]:
    """Connect to the first address that takes us; the last refusal is raised when none does."""
    refusal = OSError(errno.EADDRNOTAVAIL, "no address")
    for family, kind, proto, _, where in found:
        connection = socket.socket(family, kind, proto)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, where)
        except OSError as error:
            connection.close()
            refusal = error
        except asyncio.CancelledError:
            connection.close()
            raise
        else:
            return connection, str(where[0])
    raise refusal


async def _open_session(config: Config, model: Endpoint, patience: float, connection: socket.socket) -> None:
    """Open the WebSocket on a connection that is already there, wait for the session, and leave."""
    settings = SessionSettings(
        url=model.url,
        model=model.model,
        auth=model.auth,
        api_key=Secret(model.api_key.get_secret_value() if model.api_key else ""),
        extra_headers=tuple(
            (name, Secret(value.get_secret_value())) for name, value in model.headers.items()
        ),
    )
    try:
        async with (
            asyncio.timeout(patience),
            connect(
                settings.request_url(),
                additional_headers=settings.headers(),
                ssl=tls_context(config) if model.url.startswith("wss") else None,
                sock=connection,
                compression=None,
                max_size=1 << 20,
                user_agent_header="talkpath-doctor",
            ) as websocket,
        ):
            judge_first_event(await websocket.recv(), has_key=model.api_key is not None)
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"The certificate is not trusted: {error.verify_message}.",
            "Set ca_file in [realtime], or look for a proxy that opens TLS; check the time of day.",
        ) from None
    except ssl.SSLError as error:
        raise Unreachable(f"TLS failed: {error.reason or error}.", "Is the port one of TLS?") from None
    except InvalidStatus as error:
        status = error.response.status_code
        fix = STATUS_FIXES.get(status, "Is this the address of a Realtime server?")
        raise Unreachable(f"The server answered HTTP {status} instead of a WebSocket.", fix) from None
    except TimeoutError:
        raise Unreachable(
            f"No session within {patience:g} s.", "The server is overloaded, or connect_timeout too short."
        ) from None
    except (WebSocketException, OSError) as error:
        why = str(error) or type(error).__name__
        fix = "Is this the address of a Realtime server, and wss:// or ws:// as it wants it?"
        raise Unreachable(f"The WebSocket was not opened: {why}.", fix) from None


def tls_context(config: Config) -> ssl.SSLContext:
    """Trust the authorities of the system, and the one that is configured."""
    context = ssl.create_default_context()
    if config.realtime.ca_file is not None:
        context.load_verify_locations(config.realtime.ca_file)
    return context


def judge_first_event(frame: str | bytes, *, has_key: bool) -> None:
    """Accept ``session.created``; servers refuse keys and models only after the handshake.

    Raises:
        Unreachable: it is something else.
    """
    try:
        event: Any = json.loads(frame)
    except ValueError:
        event = None
    kind = event.get("type") if isinstance(event, dict) else None
    if kind == "session.created":
        return
    if kind != "error":
        raise Unreachable("The server does not speak Realtime.", "Correct url in [realtime].")
    error = event.get("error")
    error = error if isinstance(error, dict) else {}
    code = str(error.get("code") or error.get("type") or "error")
    fallback = (
        "Correct [realtime]: url, model, key." if has_key else "Set api_key in [realtime]; none was sent."
    )
    fix = FIXES.get(code, fallback)
    raise Unreachable(f"The server refuses the session: {code}: {str(error.get('message'))[:200]}", fix)
