"""One account of the SIP stack: a trunk that may register, or the nameless default one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import guarded, pj
from talkpath.sip.addresses import is_ipv6, join_host_port
from talkpath.sip.headers import safe_text
from talkpath.sip.messages import RegistrationState, TrunkSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Message, SipSettings

FIRST_RETRY_SECONDS = 2
RETRY_SECONDS = 10
"""Short: a PBX is back soon after its restart, and has no agent until we ask again."""
RETRY_JITTER_SECONDS = 3
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
        self._send = send
        self._on_invite = on_invite

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
        self._send(
            RegistrationState(
                trunk=self.trunk.name,
                registered=self.registered,
                status=status,
                reason=safe_text(str(prm.reason)),
                expires_in=max(0, int(prm.expiration)) if self.registered else 0,
            )
        )


def account_config(settings: SipSettings, trunk: TrunkSettings) -> Any:
    """The stack's configuration of an account: identity, registration, and no media of its own."""
    config = pj.AccountConfig()
    config.idUri = identity(settings, trunk)
    _registration(config, trunk)
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


def _registration(config: Any, trunk: TrunkSettings) -> None:
    registration = config.regConfig
    registration.registrarUri = trunk.registrar
    registration.registerOnAdd = bool(trunk.registrar)
    registration.timeoutSec = trunk.register_interval
    registration.firstRetryIntervalSec = FIRST_RETRY_SECONDS
    registration.retryIntervalSec = RETRY_SECONDS
    registration.randomRetryIntervalSec = RETRY_JITTER_SECONDS
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
