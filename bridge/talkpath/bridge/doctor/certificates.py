"""Certificates: is ours complete and in time, are those of others?"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from talkpath.bridge.config.endpoint import endpoint

from .findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from talkpath.bridge.config.model import Config

AREA: Final = "certificates"
DAY: Final = 86_400.0
SOON: Final = 21 * DAY
"""Seconds before its end at which a certificate is worth a warning: automatic renewal is a month before."""
NAMES = "subjectAltName"
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which the library has no name for."""


def trusting(ca_file: str, *, verify: bool = True) -> ssl.SSLContext:
    """A context that trusts the system's authorities, or those of a file; or everybody."""
    context = ssl.create_default_context(cafile=ca_file or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def examine_own(config: Config, now: float) -> Iterator[Finding]:
    """Judge the certificate that we show on TLS listeners.

    Args:
        config: Names the files.
        now: Unix seconds.
    """
    tls = config.sip.tls
    if tls.certificate is None or tls.private_key is None:
        return
    try:
        yield judge_peer(AREA, f"ours, {tls.certificate}", read(tls.certificate, tls.private_key), now)
    except ssl.SSLCertVerificationError as error:
        text = f"{tls.certificate}: {error.verify_message}."
        yield Finding(AREA, "fail", text, "Renew it; peers that verify refuse it.")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        text = f"{tls.certificate} and {tls.private_key} cannot be used: {reason}."
        yield Finding(AREA, "fail", text, "Both must be PEM, belong together, and be readable by the daemon.")


def read(certificate: Path, private_key: Path, *, dates: bool = True) -> Mapping[str, Any]:
    """What a certificate says, as it would show in a handshake; it is made in memory, with ourselves.

    Args:
        certificate: A PEM file.
        private_key: The same of its key.
        dates: Whether it must have begun, and not have ended.

    Raises:
        ssl.SSLCertVerificationError: it has ended, or has not begun.
        ssl.SSLError: it is none, or the key is another one's.
        OSError: a file cannot be read.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, private_key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= (
        ssl.VERIFY_X509_PARTIAL_CHAIN
    )  # it vouches for itself: only its dates are looked at
    if not dates:
        client.verify_flags |= _NO_CHECK_TIME
    client.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs, ours):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ours.getpeercert() or {}


def examine_models(config: Config, now: float) -> Iterator[Finding]:
    """Judge the certificate of each model's server.

    Args:
        config: Names the models.
        now: Unix seconds.
    """
    seen: set[tuple[str, int]] = set()
    for agent in config.agents:
        parts = urlsplit(endpoint(config, agent).url)
        address = (parts.hostname or "", parts.port or 443)
        if parts.scheme != "wss" or address in seen:
            continue
        seen.add(address)
        context = trusting(str(config.realtime.ca_file or ""))
        try:
            with (
                socket.create_connection(address, config.realtime.connect_timeout) as plain,
                context.wrap_socket(plain, server_hostname=address[0]) as secure,
            ):
                yield judge_peer(AREA, address[0], secure.getpeercert() or {}, now)
        except OSError:  # what is in the way is told by the examination of the model
            continue


def judge_peer(area: str, who: str, certificate: Mapping[str, Any], now: float) -> Finding:
    """Judge the dates of a trusted certificate, as `ssl.SSLSocket.getpeercert` tells them."""
    end = certificate.get("notAfter")
    if not isinstance(end, str):
        return Finding(area, "warn", f"{who}: its certificate is not verified.", "Set verify_server = true.")
    left = ssl.cert_time_to_seconds(end) - now
    names = ", ".join(str(name) for _, name in certificate.get(NAMES, ())) or "no name"
    text = f"{who}: certificate for {names}, good for {left / DAY:.0f} more days."
    if left < SOON:
        return Finding(area, "warn", text, "Renew it, or see why the renewal does not happen.")
    return Finding(area, "ok", text)
