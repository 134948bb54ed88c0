"""The SIP endpoint: the stack's life, its listeners and accounts, the calls, and what is asked of them.

One thread. `turn` lets the stack work and returns; in between, `perform` carries out messages. Messages for
the supervisor are given to ``send``, which must not block.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from talkpath.sip import messages
from talkpath.sip._pj import StackError, error_text, guarded, library, pj, tls_library
from talkpath.sip.calls import Calls
from talkpath.sip.ending import OurEnd
from talkpath.sip.gate import Gate, Request
from talkpath.sip.listeners import Listeners
from talkpath.sip.name_look_ups import NameLookUps
from talkpath.sip.reception import Reception
from talkpath.sip.stack_log import StackLog
from talkpath.sip.trunks import Trunks
from talkpath.sip.unwelcome import UnwelcomeLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.account import TrunkAccount
    from talkpath.sip.admission import Verdict
    from talkpath.sip.counters import Counters

_log = logging.getLogger(__name__)

EVERY_CALL = 65_535
"""More calls than any build can hold: the stack takes its own limit."""


class _Stack(pj.Endpoint):  # type: ignore[misc]  # pjsua2 ships no types
    """The stack's endpoint object: it asks which account an INVITE is for, and tells of lost connections."""

    def __init__(
        self, counters: Counters, select: Callable[[Any], None], disconnected: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.counters = counters
        self._select = select
        self._disconnected = disconnected

    @guarded
    def onSelectAccount(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """A request arrived; also made to run by the gate, to see it."""
        self._select(prm)

    @guarded
    def onTransportState(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """A connection came up or went away."""
        if prm.state == pj.PJSIP_TP_STATE_DISCONNECTED:
            self._disconnected(str(prm.type).lower())


class SipEndpoint:
    """All of SIP in one object.

    Args:
        settings: What to listen on, the trunks, the limits.
        counters: Where everything is counted.
        send: Takes messages for the supervisor.
    """

    def __init__(
        self, settings: messages.SipSettings, counters: Counters, send: Callable[[messages.Message], None]
    ) -> None:
        self.counters = counters
        self.settings = settings
        self.reception = Reception(settings)
        self.calls = Calls(settings, counters, send)
        self.max_calls = 0
        self._send = send
        self._gate = Gate(self._decide, counters)
        self._trunks = Trunks(settings, counters, send, self._on_invite)
        self._names = NameLookUps()
        self._stack = _Stack(counters, self._select_account, self._connection_lost)
        self._wanted: messages.SipSettings | None = None
        self._listeners = Listeners(self._stack, settings.tls)
        self._unwelcome = UnwelcomeLog()
        self._log_writer = StackLog(counters)

    # Life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring the stack up, open all listeners, add all trunks (registering begins).

        Raises:
            StackError: a listener or trunk is refused; the sentence names it and what to do.
        """
        try:
            library().pj_log_set_level(
                0
            )  # until the log writer is in place, lines would go to standard output
            self._stack.libCreate()
            self._stack.libInit(self._stack_config())
            self._check_codecs()
            self._stack.audDevManager().setNoDev()
            self._listeners.open(self.settings.listeners)
            self._stack.libStart()
            self._gate.install()
            self._trunks.open()
        except pj.Error as error:
            raise StackError(f"the SIP stack did not start: {error_text(error)}") from error
        self._limit_calls()
        self.calls.use(self._trunks.accounts, self.reception)

    def _check_codecs(self) -> None:
        """Leave out codecs that this build of the stack does not know: it would end their calls."""
        known = {str(codec.codecId).partition("/")[0].upper() for codec in self._stack.codecEnum2()}
        for name in sorted(self.reception.carry(frozenset(known))):
            _log.warning(
                "this pjsua2 was built without %s, which is left out; build it with: make pjsua2", name
            )

    def describe(self) -> str:
        """One line about the stack for the supervisor: version, calls at once, TLS library."""
        version = self._stack.libVersion().full
        limit = int(library().pjsua_call_get_max_count())
        return f"pjsua2 {version}, {limit} calls, {tls_library()}"

    def turn(self) -> bool:
        """Let the stack work on what is there, without waiting. Returns whether there was anything."""
        handled = int(self._stack.libHandleEvents(0))
        self.calls.bury()
        return handled > 0

    def tick(self, now: float) -> None:
        """Do what time asks for: end calls that nobody decided about or nobody answered, register again."""
        self.calls.expire(now)
        self._listeners.tick(now)
        self._trunks.tick(now, self.calls.has_account)
        addresses = self._names.take()
        if addresses is not None:
            self._change(addresses)

    def gauges(self) -> dict[str, int]:
        """What is alive now."""
        return {
            "calls": len(self.calls),
            "calls_max": self.max_calls,
            "draining": int(self.reception.draining),
            "free_lanes": self.reception.free_lanes,
            "registrations": self._trunks.registered,
            "sources": self.reception.sources,
        }

    def end_all(self, reason: str) -> None:
        """Begin to end everything: dialogs get BYE, CANCEL or 503, registrations are taken back."""
        self.reception.draining = True
        self.calls.end_all(OurEnd("us", 503, reason))
        self._trunks.leave()

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to end."""
        return not (len(self.calls) or self.calls.ending) and self._trunks.quiet

    def close(self) -> None:
        """Take the stack down. Calls and accounts go first: collected later, they would abort the process."""
        self.calls.forget_all()
        self._trunks.close()
        with contextlib.suppress(pj.Error):
            self._stack.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)

    # Messages -----------------------------------------------------------------------------------------

    def perform(self, message: messages.AnyMessage) -> None:
        """Carry out one message. Messages that are not for the SIP process are counted."""
        match message:
            case messages.Admission():
                self.reception.admit(message)
            case messages.SipSettings():
                self._wanted = message
                self._names.begin(message, self.settings, self.reception.addresses)
            case messages.Drain():
                self.reception.draining = True
            case _ if not self.calls.perform(message):
                self.counters.add("unexpected_message")

    def _change(self, addresses: dict[str, tuple[str, ...]]) -> None:
        """Take over other settings: trunks, limits, policies, TLS. Live calls and ports stay as they are."""
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        try:
            self.reception.use(wanted, addresses)
        except ValueError as error:
            self._send(messages.SettingsReady(problem=str(error)))
            return
        self.settings = wanted
        self._listeners.use(wanted.tls)
        problems = self._trunks.change(wanted)
        self.calls.change(wanted)
        self._limit_calls()
        self._send(messages.SettingsReady(problem="; ".join(problems)))

    def _limit_calls(self) -> None:
        compiled = int(library().pjsua_call_get_max_count())
        self.max_calls = min(self.settings.max_calls, compiled)

    # Callbacks ----------------------------------------------------------------------------------------

    def _decide(self, request: Request) -> Verdict:
        now = time.monotonic()
        verdict = self.reception.decide(request, self.calls, self.max_calls, now)
        line = self._unwelcome.line(request.source, verdict, now)
        if line:
            _log.warning("%s", line)
        return verdict

    def _select_account(self, prm: Any) -> None:
        passing = self._gate.passing
        if passing is None:
            self._gate.observe(prm.rdata.wholeMsg, prm.rdata.srcAddress)
            return
        account = self._trunks.accounts.get(passing[1].trunk)
        if account is not None:
            prm.accountIndex = account.getId()

    def _connection_lost(self, kind: str) -> None:
        now = time.monotonic()
        self._trunks.connection_lost(kind.removesuffix("6"), now)

    def _on_invite(self, account: TrunkAccount, prm: Any) -> None:
        passing = self._gate.passing
        self._gate.passing = None
        if passing is None:
            raise StackError("a call came in that the gate had not seen")
        self.calls.take(account, int(prm.callId), *passing)

    # Set-up -------------------------------------------------------------------------------------------

    def _stack_config(self) -> Any:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = EVERY_CALL
        if self.settings.nameservers:
            config.uaConfig.nameserver = pj.StringVector(list(self.settings.nameservers))
        config.uaConfig.userAgent = self.settings.user_agent
        config.medConfig.threadCnt = 0
        config.medConfig.hasIoqueue = False
        config.medConfig.noVad = True
        # The stack gives each call a conference port, audio or not. At the rate of G.711 it needs no
        # resampler, which would take 0.9 MB and 1 ms for each call.
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        self._log_writer.attach(config.logConfig)
        return config
