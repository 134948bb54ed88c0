"""SIP listeners: opening them, and giving those of TLS new certificates."""

from __future__ import annotations

import contextlib
import errno
import logging
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import StackError, error_text, pj
from talkpath.sip.addresses import is_ipv6, is_specific, join_host_port
from talkpath.sip.certificates import CertificateWatch, problem_with, stamps_of

if TYPE_CHECKING:
    from talkpath.sip.messages import Listener, TlsSettings

_log = logging.getLogger(__name__)

CLOSED = -1
"""In place of the stack's number of a listener."""

_OS_ERRORS = 120_000
"""Where the stack puts the errors of the operating system (``PJ_ERRNO_START_SYS``)."""

_ADVICE = {
    errno.EADDRINUSE: "another program has this port; stop it (`ss -lnp` names it) or configure another port",
    errno.EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE; configure a higher port",
    errno.EADDRNOTAVAIL: "this machine has no such address; `ip address` shows those it has",
}


class Listeners:
    """The open listeners.

    Args:
        stack: The stack's endpoint.
        tls: Files and policy of TLS.
    """

    def __init__(self, stack: Any, tls: TlsSettings) -> None:
        self._stack = stack
        self._tls = tls
        self._open: list[tuple[Listener, int]] = []
        self._watch = CertificateWatch(stamps_of(tls))

    def open(self, listeners: tuple[Listener, ...]) -> None:
        """Open all of them.

        Raises:
            StackError: one cannot be opened; the sentence names it and what to do.
        """
        if any(listener.transport == "tls" for listener in listeners):
            problem = problem_with(self._tls)
            if problem:
                raise StackError(f"cannot listen on tls: {problem}; check [sip.tls]")
        for listener in listeners:
            self._open.append((listener, open_listener(self._stack, listener, self._tls)))

    def use(self, tls: TlsSettings) -> None:
        """Use other files and another policy of TLS; what is connected stays connected."""
        if tls == self._tls:
            return
        self._tls, self._watch = tls, CertificateWatch(stamps_of(tls))
        if self._secure:
            self._renew()
            self._open_closed()

    def tick(self, now: float) -> None:
        """Use new certificates when the files have been exchanged; what is connected stays connected."""
        if not self._secure or not self._watch.due(now):
            return
        if self._watch.look(stamps_of(self._tls)):
            self._renew()
        self._open_closed()

    @property
    def _secure(self) -> bool:
        return any(listener.transport == "tls" for listener, _ in self._open)

    def _open_closed(self) -> None:
        self._open = [(one, number if number != CLOSED else self._again(one)) for one, number in self._open]

    def _renew(self) -> None:
        """Close the listeners of TLS: the stack reads the files of one once, at its first handshake."""
        problem = problem_with(self._tls)
        if problem:
            _log.error("the new certificates are not used: %s; the present ones stay", problem)
            return
        for listener, number in self._open:
            if listener.transport == "tls" and number != CLOSED:
                with contextlib.suppress(pj.Error):  # it is gone already
                    self._stack.transportClose(number)
        self._open = [(one, CLOSED if one.transport == "tls" else number) for one, number in self._open]
        _log.info("new certificates are used from now on")

    def _again(self, listener: Listener) -> int:
        """Open a listener again; when that fails, it is tried at the next look."""
        try:
            return open_listener(self._stack, listener, self._tls)
        except StackError as error:
            _log.error("%s", error)
            return CLOSED


def open_listener(stack: Any, listener: Listener, tls: TlsSettings) -> int:
    """Open one listener; returns the stack's number for it.

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
        return int(stack.transportCreate(_kind(listener), config))
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
