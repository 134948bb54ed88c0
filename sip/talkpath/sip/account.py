"""One account of the SIP stack: a trunk that may register, or the nameless default one."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import error_text, guarded, pj, plain
from talkpath.sip.addresses import is_ipv6, join_host_port
from talkpath.sip.headers import HeaderError, parse_message, safe_text
from talkpath.sip.identity import as_uri, name_address
from talkpath.sip.messages import RegistrationState, TrunkSettings
from talkpath.sip.registering import Registering, transport_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Message, SipSettings

_log = logging.getLogger(__name__)

MIN_SESSION_SECONDS = 90
SESSION_SECONDS = 1800
"""Session timer that we ask for (RFC 4028, section 4 recommends 1,800 s)."""

NO_KEYING = 99
"""A keying method that no build of the stack knows."""

UNREGISTER_MILLISECONDS = 1500


class TrunkAccount(pj.Account):  # type: ignore[misc]  # pjsua2 ships no types
    """An account; it reports registrations and hands over incoming calls.

    Args:
        trunk: Its settings; a trunk without a name is the default account.
        counters: Where errors in callbacks are counted.
        send: Takes messages for the supervisor.
        on_invite: Called with this account and the stack's parameter for each incoming call.
    """

    def __init__(
        self,
        trunk: TrunkSettings,
        counters: Counters,
        send: Callable[[Message], None],
        on_invite: Callable[[TrunkAccount, Any], None],
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.counters = counters
        self.registered = False
        self._registering = Registering(trunk.registrars)
        self._leaving = self._retired = False
        self._send = send
        self._on_invite = on_invite

    def close(self) -> None:
        """Take the account down, and destroy the stack's object at once.

        It knows its account by a number that another one gets later, which it would take down when the
        garbage collector comes.
        """
        with contextlib.suppress(pj.Error):
            self.shutdown()
        pj.Account.__swig_destroy__(self)
        del self.this  # whoever still asks it for something gets an exception

    @guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """An INVITE was let through by the gate."""
        self._on_invite(self, prm)

    @guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """A REGISTER was answered, or was not."""
        status = int(prm.code)
        self.registered = status // 100 == 2 and int(prm.expiration) > 0
        self.counters.add("register", str(status))
        if self.registered:
            self._registering.succeeded()
        elif not self._leaving:
            self._plan_retry(status, retry_after(plain(prm.rdata.wholeMsg)))
        self._tell(status, str(prm.reason), max(0, int(prm.expiration)) if self.registered else 0)

    def _tell(self, status: int, reason: str, expires_in: int = 0) -> None:
        if self._retired:  # the trunk's name is another account's now, or nobody's
            return
        self._send(
            RegistrationState(
                trunk=self.trunk.name,
                registered=self.registered,
                status=status,
                reason=safe_text(reason),
                expires_in=expires_in,
            )
        )

    def _plan_retry(self, status: int, asked: float) -> None:
        before = self._registering.current
        wait = self._registering.failed(status, asked, time.monotonic())
        after = self._registering.current
        if after != before:
            self.counters.add("registrar_changed")
        _log.warning(
            "trunk %s: registration failed with %d; next attempt in %.1f s at %s",
            *(self.trunk.name, status, wait, after),
        )

    def tick(self, now: float, settings: SipSettings) -> None:
        """Register again when it is time."""
        if self._leaving or not self._registering.due(now):
            return
        try:
            self.modify(account_config(settings, self.trunk, self._registering.current))
            self.setRegistration(True)
        except pj.Error as error:  # nothing was sent, so no callback will come
            self._plan_retry(503, 0.0)
            self._tell(503, f"cannot register: {error_text(error)}")

    def connection_lost(self, kind: str, now: float) -> None:
        """A connection of ours went away. The stack does not say whose, so whoever may be meant asks again.

        Args:
            kind: ``tcp`` or ``tls``.
            now: Monotonic seconds.
        """
        if self.registered and not self._leaving and kind == transport_of(self._registering.current):
            self._registering.connection_lost(now)

    def change(self, trunk: TrunkSettings, settings: SipSettings) -> None:
        """Take other settings of the same trunk; register again when they concern the registration.

        Raises:
            pj.Error: the stack refuses them.
        """
        before, self.trunk = self.trunk, trunk
        if _registers_as(before) == _registers_as(trunk):
            return
        if trunk.registrars:
            self._registering = Registering(trunk.registrars)  # `tick` does it at once
        else:
            self.modify(account_config(settings, trunk))

    def retire(self) -> None:
        """The trunk is gone, or served by another account from now on."""
        self._retired = True
        self.leave()

    def leave(self) -> None:
        """Take the registration back, for good."""
        self._leaving = True
        if self.registered:
            with contextlib.suppress(pj.Error):
                self.setRegistration(False)


def _registers_as(trunk: TrunkSettings) -> tuple[object, ...]:
    """What the stack's account is made of, and not only our own policy."""
    return (
        trunk.registrars,
        trunk.username,
        trunk.password.value,
        trunk.realm,
        trunk.outbound_proxy,
        trunk.advertised_address,
        trunk.register_interval,
        () if trunk.registrars else _named_as(trunk),
    )


def _named_as(trunk: TrunkSettings) -> tuple[object, ...]:
    return trunk.outbound.caller, trunk.outbound.caller_name, trunk.outbound.private


def retry_after(message: str) -> float:
    """Seconds that a response asks us to wait (RFC 3261, section 20.33); 0 when it asks for nothing."""
    try:
        value = parse_message(message).first("Retry-After") if message else ""
    except HeaderError:
        return 0.0
    seconds = value.partition(";")[0].partition("(")[0].strip()
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 8 else 0.0


def account_config(settings: SipSettings, trunk: TrunkSettings, registrar: str | None = None) -> Any:
    """The stack's configuration of an account: identity, registration, and no media of its own.

    Args:
        settings: Listeners, which name us where the trunk does not.
        trunk: Its settings.
        registrar: Which of its registrars to use; None: the first.
    """
    config = pj.AccountConfig()
    config.idUri = stack_identity(settings, trunk)
    _registration(config, trunk, trunk.registrar if registrar is None else registrar)
    if trunk.username:
        credential = pj.AuthCredInfo("digest", trunk.realm, trunk.username, 0, trunk.password.value)
        config.sipConfig.authCreds.append(credential)
    if trunk.outbound_proxy:
        config.sipConfig.proxies.append(trunk.outbound_proxy)
    config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
    config.callConfig.timerMinSESec = MIN_SESSION_SECONDS
    config.callConfig.timerSessExpiresSec = SESSION_SECONDS
    media = config.mediaConfig
    media.useLoopMedTp = True
    media.lockCodecEnabled = False
    media.streamKaEnabled = False
    _leave_srtp_to_us(media)
    media.rtcpMuxEnabled = False
    if any(is_ipv6(listener.host) for listener in settings.listeners):
        media.ipv6Use = config.sipConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED_NO_PREFERENCE
    return config


def _leave_srtp_to_us(media: Any) -> None:
    """Make the stack take any RTP transport and touch no key: SRTP is negotiated in the SDP that we write.

    With SRTP off, the stack refuses RTP/SAVP; with SRTP on, it chooses among the suites of its own build.
    With SRTP on and no way to agree on keys (the list holds one that no build has), it leaves all to us.
    """
    media.srtpUse = pj.PJMEDIA_SRTP_OPTIONAL
    media.srtpSecureSignaling = 0
    media.srtpOpt.keyings = pj.IntVector([NO_KEYING])


def _registration(config: Any, trunk: TrunkSettings, registrar: str) -> None:
    registration = config.regConfig
    registration.registrarUri = registrar
    registration.registerOnAdd = False  # `TrunkAccount.tick` does, and sees what goes wrong at once
    registration.timeoutSec = trunk.register_interval
    # After a failure, `Registering` says what is done.
    registration.firstRetryIntervalSec = registration.retryIntervalSec = 0
    registration.disableRegOnModify = True
    registration.dropCallsOnFail = False
    registration.unregWaitMsec = UNREGISTER_MILLISECONDS


def identity(settings: SipSettings, trunk: TrunkSettings) -> str:
    """Our address of record at a trunk: user at the registrar's host, else user at our own address."""
    user = trunk.username or "talkpath"
    if trunk.registrar:
        scheme, _, rest = trunk.registrar.partition(":")
        return f"{scheme}:{user}@{rest.partition(';')[0].rpartition('@')[2]}"
    listener = settings.listeners[0]
    host = trunk.advertised_address or listener.advertised_address or listener.host or "127.0.0.1"
    return f"sip:{user}@{join_host_port(host, listener.port)}"


def stack_identity(settings: SipSettings, trunk: TrunkSettings) -> str:
    """Who we are in calls that the stack makes itself, when it obeys a REFER: the trunk's caller.

    A registrar has to hear the address of record in this place; a caller who shall be hidden is not named.
    """
    own = identity(settings, trunk)
    caller = as_uri(trunk.outbound.caller, own)
    if not caller or trunk.registrars or trunk.outbound.private:
        return own
    return name_address(trunk.outbound.caller_name, caller)
