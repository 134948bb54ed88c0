"""What happens to a request that starts something: from its text to a verdict. Pure but for name look-ups.

Brings together admission, the check of the SDP offer, and the recognition of one INVITE that arrives twice by
different ways (a merged request, RFC 3261, section 8.2.2.2).
"""

from __future__ import annotations

import logging
import secrets
import socket
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from talkpath.sip.addresses import split_host_port
from talkpath.sip.admission import (
    SCANNER,
    TRUNK_FULL,
    AdmissionPolicy,
    Load,
    RateLimiter,
    TrunkMatcher,
    Verdict,
)
from talkpath.sip.digest import Account, Attempt, Authenticator
from talkpath.sip.exchange_texts import replaced_dialog
from talkpath.sip.headers import HeaderError, parse_address, parse_message, uri_host
from talkpath.sip.negotiation import choose
from talkpath.sip.refer import ReferError
from talkpath.sip.sdp import SdpError, parse
from talkpath.sip.well_formed import UNREADABLE, fault, method_verdict

if TYPE_CHECKING:
    from talkpath.sip.gate import Request
    from talkpath.sip.headers import SipText
    from talkpath.sip.messages import Admission, SipSettings, SrtpPolicy, TrunkSettings
    from talkpath.sip.refer import DialogIds

_log = logging.getLogger(__name__)

MAX_REMEMBERED = 4096
MERGED_SECONDS = 32.0
"""How long the same INVITE may still arrive by another way: the life of its transaction (64 times T1)."""

REALM = "talkpath"
"""Realm of our challenges where the trunk names none."""

_MERGED = Verdict(482, "this request arrived before by another way", "merged")
_CHALLENGE = Verdict(401, "this trunk asks for user name and password", "challenged")
_WRONG = Verdict(403, "wrong user name or password", "wrong_password")
_UNREADABLE_CREDENTIALS = Verdict(400, "the credentials cannot be read", "malformed")
_NO_REPLACES = Verdict(603, "calls of this trunk may not be replaced", "replaces")
_NOTHING_TO_REPLACE = Verdict(481, "there is no call to replace", "replaces")
_TOO_LATE = Verdict(486, "the call to replace is answered already", "replaces")
_STRANGER = Verdict(-1, "", "unknown_source")
_PASS = Verdict(0, "", "admitted")


class Live(Protocol):
    """The calls that live."""

    @property
    def all(self) -> int:
        """How many there are."""

    def on_trunk(self, name: str) -> int:
        """How many of them are of one trunk."""

    def is_answered(self, trunk: str, ids: DialogIds) -> bool:
        """Whether these ids name an answered dialog of a trunk."""

    def is_ringing(self, trunk: str, ids: DialogIds) -> bool:
        """Whether these ids name a dialog of a trunk that we began and nobody has answered yet."""


class Reception:
    """Decides about requests outside a dialog.

    Args:
        settings: Trunks, codecs and limits.
        secret: Key of the nonces with which callers are challenged.
    """

    def __init__(self, settings: SipSettings, secret: bytes = b"") -> None:
        self.draining = False
        self.free_lanes = 0
        self._overloaded = False
        self._carried: frozenset[str] | None = None
        self.use(settings, {trunk.name: registrar_addresses(trunk) for trunk in settings.trunks})
        self._authenticator = Authenticator(secret or secrets.token_bytes(32))
        self._recent: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def use(self, settings: SipSettings, addresses: dict[str, tuple[str, ...]]) -> None:
        """Decide by these settings from now on.

        Args:
            settings: Trunks, codecs and limits.
            addresses: IP addresses of the registrar and proxy of each trunk.

        Raises:
            ValueError: a source network is none; the sentence names it.
        """
        matcher = TrunkMatcher(settings.trunks, settings.accept_private_sources, addresses)
        self.addresses = addresses
        """IP addresses of the registrar and proxy of each trunk."""
        self._settings = settings
        self._trunks = {trunk.name: trunk for trunk in settings.trunks}
        self._limiter = RateLimiter(settings.calls_per_second_per_source)
        self._policy = AdmissionPolicy(matcher, self._limiter, settings.blocked_user_agents)

    @property
    def sources(self) -> int:
        """Number of sources whose rate is remembered."""
        return len(self._limiter)

    def admit(self, admission: Admission) -> None:
        """Take the supervisor's word, which comes when the answer changes, not with every call.

        Until its first one, no call is admitted. The supervisor refuses what comes in between.
        """
        self.draining = admission.draining
        self.free_lanes = admission.free_lanes
        self._overloaded = admission.overloaded

    def carry(self, codecs: frozenset[str]) -> set[str]:
        """Allow no codec but these, which the SIP stack knows; return those configured beyond them."""
        self._carried = codecs
        lists = (self._settings.codecs, *(trunk.codecs for trunk in self._settings.trunks))
        return {name for names in lists for name in names} - codecs

    def codecs(self, trunk: str) -> tuple[str, ...]:
        """Codecs that a trunk allows."""
        settings = self._trunks.get(trunk)
        allowed = (settings.codecs if settings else ()) or self._settings.codecs
        return tuple(name for name in allowed if self._carried is None or name in self._carried)

    def srtp(self, trunk: str) -> SrtpPolicy:
        """What a trunk wants of SRTP."""
        settings = self._trunks.get(trunk)
        return settings.srtp if settings else "off"

    def decide(self, request: Request, calls: Live, max_calls: int, now: float) -> Verdict:
        """Decide about a request outside a dialog.

        Args:
            request: Its text and source.
            calls: Calls that live.
            max_calls: The largest number of them.
            now: Monotonic seconds.
        """
        source = split_host_port(request.source)[0]
        try:
            message = parse_message(request.text)
        except HeaderError as error:
            _log.debug("unreadable request from %s: %s", source, error)
            return UNREADABLE
        load = Load(calls.all, max_calls, self.free_lanes, self.draining, self._overloaded)
        user_agent = message.first("User-Agent")
        if message.method == "OPTIONS":
            verdict = self._policy.options(user_agent, load)
            return (fault(message) if verdict.admitted else None) or verdict
        if message.method != "INVITE":
            if self._policy.is_scanner(user_agent):
                return SCANNER
            if self._policy.matcher.match(source) is None:
                return _STRANGER
            return fault(message) or method_verdict(message.method) or _PASS
        return self._decide_invite(message, source, calls, load, now)

    def _decide_invite(self, message: SipText, source: str, calls: Live, load: Load, now: float) -> Verdict:
        replaces = bool(message.first("Replaces"))
        if replaces:  # it takes a place, it needs none
            load = replace(load, calls=load.calls - 1, free_lanes=max(load.free_lanes, 1))
        verdict = self._policy.invite(source, message.first("User-Agent"), load, now)
        if not verdict.admitted:
            return verdict
        wrong = fault(message)
        if wrong is not None:
            return wrong
        trunk = self._trunks.get(verdict.trunk)
        full = trunk is not None and trunk.max_calls and calls.on_trunk(trunk.name) >= trunk.max_calls
        if full and not replaces:
            return TRUNK_FULL
        return (
            self._check_caller(message, verdict, source, now)
            or self._check_replaces(message, verdict.trunk, calls)
            or self._check_invite(message, verdict, now)
        )

    def _check_replaces(self, message: SipText, trunk: str, calls: Live) -> Verdict | None:
        """Whether an INVITE may replace the dialog that it names (RFC 3891, section 3)."""
        try:
            replaced = replaced_dialog(message)
        except ReferError as error:
            return Verdict(400, str(error), "malformed")
        if replaced is None:
            return None
        settings = self._trunks.get(trunk)
        if settings is None or not settings.accept_replaces:
            return _NO_REPLACES
        if calls.is_ringing(trunk, replaced.dialog):
            return None
        if not calls.is_answered(trunk, replaced.dialog):
            return _NOTHING_TO_REPLACE
        return _TOO_LATE if replaced.early_only else None

    def _check_caller(self, message: SipText, verdict: Verdict, source: str, now: float) -> Verdict | None:
        """Ask for credentials where the trunk wants them; None when the caller may pass."""
        trunk = self._trunks.get(verdict.trunk)
        if trunk is None or not trunk.challenge:
            return None
        account = Account(trunk.username, trunk.password.value, trunk.realm if trunk.realm != "*" else REALM)
        attempt = Attempt(source, message.method, message.first("Call-ID"), message.first("Authorization"))
        match self._authenticator.verify(attempt, account, now):
            case "good":
                return None
            case "wrong":
                _log.warning("trunk %s: wrong user name or password from %s", trunk.name, source)
                return _WRONG
            case "malformed":
                return _UNREADABLE_CREDENTIALS
            case finding:
                headers = self._authenticator.challenge(attempt, account.realm, now, stale=finding == "stale")
                return replace(_CHALLENGE, headers=headers)

    def _check_invite(self, message: SipText, verdict: Verdict, now: float) -> Verdict:
        kind = message.first("Content-Type").partition(";")[0].strip().lower()
        # Other bodies (multipart): the SIP stack takes the SDP out of them, and the answer is checked again.
        if message.body.strip() and kind == "application/sdp":
            try:
                choose(parse(message.body), self.codecs(verdict.trunk), self.srtp(verdict.trunk))
            except SdpError as error:
                return Verdict(error.status, str(error), "offer")
        # Last, because a refused INVITE may be sent again when our refusal was lost.
        return _MERGED if self._is_merged(message, now) else verdict

    def _is_merged(self, message: SipText, now: float) -> bool:
        tag = parse_address(message.first("From")).parameters.get("tag", "")
        key = (message.first("Call-ID"), tag, message.first("CSeq"))
        while self._recent and (
            len(self._recent) > MAX_REMEMBERED or now - next(iter(self._recent.values())) > MERGED_SECONDS
        ):
            self._recent.popitem(last=False)
        if key in self._recent:
            return True
        self._recent[key] = now
        return False


def registrar_addresses(trunk: TrunkSettings) -> tuple[str, ...]:
    """IP addresses of a trunk's registrar and proxy, by name look-up; empty when there are none."""
    hosts = {uri_host(uri) for uri in (*trunk.registrars, trunk.outbound_proxy) if uri}
    found: set[str] = set()
    for host in hosts:
        try:
            found |= {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)}
        except OSError as error:
            _log.warning("trunk %s: the name %s cannot be resolved: %s", trunk.name, host, error)
    return tuple(sorted(found))
