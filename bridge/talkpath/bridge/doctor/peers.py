"""Does each PBX answer? One OPTIONS to each, with the time it took and what it saw of us on the way."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
import ssl
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from talkpath.sip.addresses import join_host_port
from talkpath.sip.headers import HeaderError, parse_message
from talkpath.sip.registering import transport_of

from .addresses import host_of_uri, resolve
from .certificates import judge_peer, trusting
from .findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.config.sip import TrunkConfig

AREA: Final = "trunks"
PATIENCE: Final = 3.0
"""Seconds for one answer; over UDP the request is sent again at 0.5 s and 1.5 s (RFC 3261, timer E)."""
RESEND_AFTER: Final = (0.5, 1.5)
SLOW: Final = 0.2
"""Seconds; SIP across an ocean takes less."""


class Way(NamedTuple):
    """How to reach a PBX."""

    trunk: str
    host: str
    port: int
    transport: str


class Echo(NamedTuple):
    """What came back."""

    status: int
    seconds: float
    via: str
    """Our own Via as the answer has it."""
    sent_by: str
    """``host:port`` that our Via said."""


def ways(config: Config) -> list[Way]:
    """Everybody that we register at or call: one way for each registrar and proxy."""
    found: dict[Way, None] = {}
    for trunk in config.trunks:
        for uri in _uris(trunk):
            transport = transport_of(uri)
            port = re.search(r":(\d+)(?=[;>]|$)", uri.partition("@")[2] or uri.partition(":")[2])
            usual = 5061 if transport == "tls" else 5060
            found[Way(trunk.name, host_of_uri(uri), int(port[1]) if port else usual, transport)] = None
    return list(found)


def _uris(trunk: TrunkConfig) -> Iterator[str]:
    yield from trunk.servers
    if not trunk.servers:
        for network in trunk.match:
            parsed = ipaddress.ip_network(network, strict=False)
            if parsed.num_addresses == 1:
                yield f"sip:{join_host_port(str(parsed.network_address), 5060)}"


def examine_peers(config: Config) -> list[Finding]:
    """Ask every PBX, one after the other."""
    findings: list[Finding] = []
    for way in ways(config):
        addresses = resolve(way.host)
        if addresses:  # a name without an address is told by `examine_addresses`
            findings += _examine(config, way, addresses[0])
    return findings


def _examine(config: Config, way: Way, address: str) -> Iterator[Finding]:
    where = f"{way.trunk}: {join_host_port(way.host, way.port)} ({way.transport})"
    try:
        with _connect(config, way, address) as connection:
            if isinstance(connection, ssl.SSLSocket):
                yield judge_peer(AREA, where, connection.getpeercert() or {}, time.time())
            echo = _ask(connection, way)
    except ssl.SSLCertVerificationError as error:
        text = f"{where}: its certificate is not trusted: {error.verify_message}."
        yield Finding(AREA, "fail", text, "Set ca in [sip.tls] to its authority, and check the time of day.")
        return
    except TimeoutError:
        text = f"{where} does not answer OPTIONS within {PATIENCE:g} s."
        fix = "A firewall, a wrong address, or a PBX that ignores strangers: look with sngrep there."
        yield Finding(AREA, "warn", text, fix)
        return
    except OSError as error:
        text = f"{where} cannot be reached: {error.strerror or error}."
        yield Finding(AREA, "fail", text, "Is the PBX running? Address, port and transport of the trunk?")
        return
    yield from judge_echo(where, echo)


def judge_echo(where: str, echo: Echo) -> Iterator[Finding]:
    """Judge an answer: whether it was quick, and what happened to our Via on the way."""
    text = f"{where} answers OPTIONS with {echo.status} in {echo.seconds * 1000:.0f} ms."
    slow = echo.seconds > SLOW
    yield Finding(
        AREA, "warn" if slow else "ok", text, "A long way, or a busy PBX: voices are as late." if slow else ""
    )
    sent_by = re.match(r"SIP/2\.0/\w+\s+([^;\s]+)", echo.via)
    if sent_by and sent_by[1] != echo.sent_by:
        text = f"{where}: a device on the way rewrote our Via from {echo.sent_by} to {sent_by[1]}: a SIP ALG."
        yield Finding(AREA, "warn", text, "Switch the SIP ALG of the router off, or use TLS.")
        return
    seen = re.search(r";received=([^;,\s]+)", echo.via)
    ours = echo.sent_by.rpartition(":")[0].strip("[]")
    if seen and seen[1].strip("[]") != ours:
        text = f"{where} sees us as {seen[1]}, here we are {ours}: a NAT stands between."
        fix = f'Set advertised_address = "{seen[1]}", and forward the SIP and RTP ports, or register.'
        yield Finding(AREA, "warn", text, fix)


def _connect(config: Config, way: Way, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if way.transport == "udp" else socket.SOCK_STREAM
    connection = socket.socket(family, kind)
    try:
        connection.settimeout(PATIENCE)
        connection.connect((address, way.port))
        if way.transport != "tls":
            return connection
        context = trusting(str(config.sip.tls.ca or ""), verify=config.sip.tls.verify_server)
        return context.wrap_socket(connection, server_hostname=way.host)
    except BaseException:
        connection.close()
        raise


def _ask(connection: socket.socket, way: Way) -> Echo:
    """Send OPTIONS and wait for its answer.

    Raises:
        TimeoutError: nothing came.
        OSError: the way is closed.
    """
    host, port = connection.getsockname()[:2]
    sent_by = join_host_port(str(host), int(port))
    branch = f"z9hG4bK{secrets.token_hex(8)}"
    request = _options(way, sent_by, branch)
    started = time.monotonic()
    connection.sendall(request)
    resend = list(RESEND_AFTER) if way.transport == "udp" else []
    while True:
        passed = time.monotonic() - started
        connection.settimeout(max(0.01, min([PATIENCE, *resend]) - passed))
        try:
            answer = connection.recv(65_536)
        except TimeoutError:
            if not resend:
                raise
            resend.pop(0)
            connection.sendall(request)
            continue
        if not answer:
            raise ConnectionResetError("it closes the connection without an answer")
        echo = _echo(answer, branch, sent_by, time.monotonic() - started)
        if echo is not None:
            return echo


def _echo(answer: bytes, branch: str, sent_by: str, seconds: float) -> Echo | None:
    try:
        message = parse_message(answer.decode("utf-8", "replace"))
    except HeaderError:
        return None
    status = re.match(r"SIP/2\.0 (\d{3})", answer.decode("utf-8", "replace"))
    via = message.first("Via")
    ours = re.compile(rf";branch={branch}(;|$)")
    return Echo(int(status[1]), seconds, via, sent_by) if status and ours.search(via) else None


def _options(way: Way, sent_by: str, branch: str) -> bytes:
    target = join_host_port(way.host, way.port)
    transport = way.transport.upper()
    tag = secrets.token_hex(4)
    return (
        f"OPTIONS sip:{target} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {sent_by};branch={branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        f"From: <sip:doctor@{sent_by}>;tag={tag}\r\nTo: <sip:{target}>\r\n"
        f"Call-ID: {secrets.token_hex(12)}\r\nCSeq: 1 OPTIONS\r\n"
        f"Contact: <sip:doctor@{sent_by};transport={way.transport}>\r\n"
        "User-Agent: talkpath-doctor\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
    ).encode()
