"""Whom blind transfers have given away, for as long as they may come back by a new call. Pure.

One memory for all workers: the supervisor keeps it, and looks into it before it hands out a call. A caller is
known by trunk and number. So nobody is recognised who hides the number, or whose number stands for two calls
that were given away at the same time: it is the one of a company, and what one of its people said is not for
another.

Times are monotonic seconds, passed in.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from talkpath.sip import messages as m
from talkpath.sip.addresses import user_part
from talkpath.sip.headers import uri_host

if TYPE_CHECKING:
    from talkpath.sip.messages import AnyMessage, Handover, HandoverEnded, IncomingCall

MOST: Final = 1000
"""Callers that are remembered; beyond that, the longest ago is forgotten."""
UNDER_WAY: Final = 200.0
"""Seconds that a transfer may take until its end is told: longer than the longest states of a blind one."""
NOBODY: Final = frozenset(
    {"anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "asterisk", "freeswitch"}
)
"""User names that stand for a hidden number."""


class _Caller(NamedTuple):
    trunk: str
    number: str


@dataclass(slots=True)
class _Given:
    """One caller who was given away."""

    caller: _Caller
    told: Handover
    until: float
    taken: bool = False


class Comebacks:
    """Remembers callers for a while, each at most once."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, _Given] = OrderedDict()
        """By the id of the call that they were given away in, the longest ago first."""

    def __len__(self) -> int:
        """Callers that are remembered."""
        return len(self._given)

    def take(self, message: AnyMessage, now: float) -> bool:
        """Take a message of a worker; False: it is none of these."""
        match message:
            case m.Handover():
                self._handed_over(message, now)
            case m.HandoverEnded():
                self._ended(message, now)
            case _:
                return False
        return True

    def recognise(self, invite: IncomingCall, now: float) -> IncomingCall:
        """The same call, with what is known if its caller had been given away; who is told is forgotten."""
        self._forget_old(now)
        caller = _caller_of(invite)
        found = [call for call, given in self._given.items() if given.caller == caller]
        known = [self._given.pop(call) for call in found]
        if len(known) != 1:
            return invite
        (given,) = known
        comeback = m.Comeback(
            call=given.told.call, target=given.told.target, taken=given.taken, record=given.told.record
        )
        return msgspec.structs.replace(invite, comeback=comeback)

    def _handed_over(self, message: Handover, now: float) -> None:
        self._forget_old(now)
        self._given.pop(message.call, None)
        number = message.caller.value.lower()
        if not message.trunk or not is_number(number) or message.remember <= 0:
            return
        caller = _Caller(message.trunk, number)
        self._given[message.call] = _Given(caller, message, now + UNDER_WAY)
        if len(self._given) > MOST:
            self._given.popitem(last=False)

    def _ended(self, message: HandoverEnded, now: float) -> None:
        """Only what is remembered still can change: a caller who has come back already stays forgotten."""
        given = self._given.get(message.call)
        if given is None:
            return
        if message.end == "back":
            del self._given[message.call]
        else:
            given.taken = message.end == "taken"
            given.until = now + given.told.remember

    def _forget_old(self, now: float) -> None:
        for call in [call for call, given in self._given.items() if given.until <= now]:
            del self._given[call]


def is_number(user: str) -> bool:
    """Whether a user part tells one caller from another."""
    return bool(user.strip("0+")) and user not in NOBODY


def _caller_of(invite: IncomingCall) -> _Caller | None:
    """Who calls; None: they do not say, or do not want it to be known (RFC 3323)."""
    hidden = any(name.lower() == "privacy" and value.lower() != "none" for name, value in invite.headers)
    if hidden or not invite.trunk or uri_host(invite.from_uri) == "anonymous.invalid":
        return None
    return _Caller(invite.trunk, user_part(invite.from_uri).lower())
