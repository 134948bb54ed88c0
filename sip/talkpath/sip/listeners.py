"""Opening SIP listeners."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import StackError, error_text, pj
from talkpath.sip.addresses import is_ipv6, is_specific, join_host_port

if TYPE_CHECKING:
    from talkpath.sip.messages import Listener, TlsSettings

_OS_ERRORS = 120_000
"""Where the stack puts the errors of the operating system (``PJ_ERRNO_START_SYS``)."""

_ADVICE = {
    errno.EADDRINUSE: "another program has this port; stop it (`ss -lnp` names it) or configure another port",
    errno.EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE; configure a higher port",
    errno.EADDRNOTAVAIL: "this machine has no such address; `ip address` shows those it has",
}


def open_listener(stack: Any, listener: Listener, tls: TlsSettings) -> None:
    """Open one listener.

    Raises:
        StackError: it cannot be opened; the sentence names the address and what to do.
    """
    if is_ipv6(listener.host) and not has_ipv6():
        where = join_host_port(listener.host, listener.port)
        raise StackError(
            f"cannot listen on {where}: this build of pjsua2 has no IPv6; use that of `make pjsua2`"
        )
    config = pj.TransportConfig()
    config.port = listener.port
    if is_specific(listener.host):
        config.boundAddress = listener.host
    if listener.advertised_address:
        config.publicAddress = listener.advertised_address
    if listener.transport == "tls":
        _configure_tls(config.tlsConfig, tls)
    try:
        stack.transportCreate(_kind(listener), config)
    except pj.Error as error:
        raise StackError(_problem(listener, error)) from error


def has_ipv6() -> bool:
    """Whether this build of the stack knows IPv6: its default account says so."""
    return bool(pj.AccountConfig().sipConfig.ipv6Use != pj.PJSUA_IPV6_DISABLED)


def _kind(listener: Listener) -> int:
    kinds = {
        "udp": (pj.PJSIP_TRANSPORT_UDP, pj.PJSIP_TRANSPORT_UDP6),
        "tcp": (pj.PJSIP_TRANSPORT_TCP, pj.PJSIP_TRANSPORT_TCP6),
        "tls": (pj.PJSIP_TRANSPORT_TLS, pj.PJSIP_TRANSPORT_TLS6),
    }
    return int(kinds[listener.transport][is_ipv6(listener.host)])


def _configure_tls(config: Any, tls: TlsSettings) -> None:
    config.certFile = tls.certificate_file
    config.privKeyFile = tls.private_key_file
    config.CaListFile = tls.ca_file
    config.verifyServer = tls.verify_server
    config.verifyClient = config.requireClientCert = tls.verify_client
    config.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2 | pj.PJ_SSL_SOCK_PROTO_TLS1_3


def _problem(listener: Listener, error: Exception) -> str:
    where = f"{listener.transport} {join_host_port(listener.host, listener.port)}"
    number = int(getattr(error, "status", 0)) - _OS_ERRORS
    advice = _ADVICE.get(number, "")
    if not advice and listener.transport == "tls":
        advice = "check the certificate, key and CA files of the TLS settings"
    return f"cannot listen on {where}: {error_text(error)}" + (f"; {advice}" if advice else "")
